"""How Sphinx builds these pages: offline, and with every warning an error (`make docs`)."""

from importlib.metadata import version as installed

project = "beforehand"
author = copyright = "the beforehand developers"
version = release = installed("beforehand")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

default_role = "code"
napoleon_custom_sections = ["Guarantee", "Cost", "Reference", "See also"]
napoleon_numpy_docstring = False
autodoc_typehints = "none"  # the words say dtype, shape and unit; the stub has the types
autodoc_member_order = "bysource"

html_theme = "furo"
html_title = "beforehand"

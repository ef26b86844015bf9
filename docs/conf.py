"""How Sphinx builds these pages: offline, and with every warning an error (`make docs`)."""

from importlib.metadata import version as installed

project = "beforehand"
author = "the beforehand developers"
version = release = installed("beforehand")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

napoleon_custom_sections = ["Guarantee", "Cost"]
napoleon_numpy_docstring = False
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"

html_theme = "furo"
html_title = "beforehand"

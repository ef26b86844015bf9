"""How Sphinx builds these pages: offline, every name resolved, and with every warning an error (`make docs`)."""

import re
from importlib.metadata import version as installed

from docutils import nodes
from numpy.typing import ArrayLike
from sphinx.addnodes import pending_xref
from sphinx.transforms import SphinxTransform
from sphinx.util.typing import stringify_annotation

from beforehand import core, gradients, quantization, ranges, scheduling, streams
from beforehand.quantization.inputs import Numbers

project = "beforehand"
author = copyright = "the beforehand developers"
version = release = installed("beforehand")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_codeautolink"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
smartquotes_action = "qe"  # two hyphens begin an option of a command and are no dash

nitpicky = True
default_role = "py:obj"  # links what it finds
nitpick_ignore_regex = [
    ("py:obj", ".*"),  # the rest is an argument or an expression
    # these have no index
    (
        "py:.*",
        r"(asyncio|collections|concurrent|mmap|numpy|os|pathlib|pl|prometheus_client|ray|re|subprocess|torch|types|typing)\..*",
    ),
    ("py:class", "CodebookQuantizedTensor|DataFrame|Dataset|Column|ProcessGroup|DistributedDataParallel|FSDPModule"),
    ("py:class", r".*\.([JPR]|Id)"),  # type variables
    ("py:class", r".*\.(Conversation|Description|EngineOptions|Iteration|KeyCodes|Recorded)"),  # handed on as they are
]
napoleon_custom_sections = ["Guarantee", "Cost", "Reference", "See also"]
napoleon_numpy_docstring = False
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
maximum_signature_line_length = 100

html_theme = "furo"
html_title = "beforehand"

NAMES = [
    f"{module.__name__}.{name}"
    for module in (core, gradients, quantization, ranges, scheduling, streams)
    for name in module.__all__
]
# A class, what belongs to one, a name of several words, or a call: a word such as `levels` may as well be an argument.
NAME = re.compile(r"([A-Z]\w*|[a-z]+_\w+|[a-z]+(?=\())((?:\.\w+)?)(\(.*\))?")
ALIASES = {"beforehand.quantization.inputs.Numbers": Numbers, "numpy.typing.ArrayLike": ArrayLike}
EXPANDED = {stringify_annotation(alias, "smart"): f"~{name}" for name, alias in ALIASES.items()}
ARRAY = re.compile(r"~numpy\.ndarray\[tuple\[~typing\.Any, \.\.\.\], ~numpy\.dtype\[(.*?)\]\]")


class LinkNames(SphinxTransform):
    """Link a public name in backticks to its entry, if just one module exports it."""

    default_priority = 500

    def apply(self):
        for literal in list(self.document.findall(nodes.literal)):
            name = NAME.fullmatch(literal.astext())
            found = [full for full in NAMES if name and full.endswith(f".{name[1]}")]
            if len(found) == 1 and not isinstance(literal.parent, pending_xref | nodes.reference):
                link = pending_xref(
                    "", refdomain="py", reftype="obj", reftarget=found[0] + name[2], refdoc=self.env.docname
                )
                literal.replace_self(link)
                link += literal


def fold_aliases(app, what, name, obj, options, signature, returned):
    """Write aliases of types as they stand in the source: autodoc sees only what they expand to."""

    def fold(text):
        for expanded, alias in EXPANDED.items():
            text = text.replace(expanded, alias)
        return ARRAY.sub(r"~numpy.typing.NDArray[\1]", text)

    return signature and fold(signature), returned and fold(returned)


def setup(app):
    app.add_transform(LinkNames)
    app.connect("autodoc-process-signature", fold_aliases)

"""How Sphinx builds the site: `nox -s docs`."""

from __future__ import annotations

import os
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]
os.environ.setdefault("KERAS_BACKEND", "jax")  # the curves are drawn, so something must compute gradients

import polyloss  # noqa: E402

project = "polyloss"
author = "the polyloss authors"
copyright = author
release = version = polyloss.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosectionlabel",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "formulas",
    "names",
    "pages",
    "scripts",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_ext", "data", "examples", "guides/code"]
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(numpy|keras|matplotlib|collections)\..*")]  # their pages are not ours to check
autosectionlabel_prefix_document = True
autosectionlabel_maxdepth = 2
default_role = "name"
highlight_language = "python"

myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist", "dollarmath", "substitution"]
myst_heading_anchors = 3
html_math_renderer = "svg"

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_inherit_docstrings = False  # those of Keras are Markdown, and on its own site
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = f"polyloss {release}"
html_static_path = ["_static"]
html_favicon = "_static/favicon.svg"
html_css_files = ["polyloss.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": False}
pygments_style = "friendly"
pygments_dark_style = "monokai"

copybutton_exclude = ".linenos, .gp, .go"  # prompts and output stay behind
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

"""Cuts Designsystemet's style sheets for Straza.

Usage: bundle-css.py DIST_DIR OUT_DIR

theme.css   the theme without its colours (ours are in static/theme.css)
index.css   everything, for the console
public.css  the 18 parts that public pages need, in the same layers
"""
import sys

PARTS = ("button field fieldset input label link error-summary validation-message heading paragraph "
         "skip-link details alert table breadcrumbs tag list").split()


def without_layer(css, name):
    """css without the block @layer name{...}."""
    start = css.index("@layer " + name + "{")
    depth = 0
    for i in range(css.index("{", start), len(css)):
        depth += {"{": 1, "}": -1}.get(css[i], 0)
        if depth == 0:
            return css[:start] + css[i + 1:]
    raise ValueError(name)


def main(dist, out):
    read = lambda p: open(f"{dist}/{p}", encoding="utf-8").read()
    theme = read("theme/designsystemet.css")
    for scheme in ("light", "dark"):
        theme = without_layer(theme, "ds.theme.color-scheme." + scheme)
    public = "@layer ds.base{" + read("src/base.css") + "}\n@layer ds.components{"
    public += "".join("\n" + read(f"src/{p}.css") for p in PARTS) + "}\n"
    for name, css in (("theme", theme), ("index", read("src/index.css")), ("public", public)):
        with open(f"{out}/{name}.css", "w", encoding="utf-8") as f:
            f.write(css)


main(*sys.argv[1:])

"""Cuts the fonts of Straza from the vendored families.

Usage: cut-fonts.py SOURCE_SANS_DIR JETBRAINS_MONO_DIR OUT_DIR

The Source licence reserves its name for unmodified files, so the cut families
are called Straza Sans and Straza Mono. Serbian forms (locl) are kept.
"""
import sys,subprocess
from fontTools.ttLib import TTFont
from fontTools import subset
from fontTools.varLib.instancer import instantiateVariableFont
def cut(src,dst,unicodes,family,axis,feats):
    import io
    f=TTFont(src, recalcTimestamp=False)
    o=subset.Options(); o.layout_features=feats; o.name_IDs=['*']; o.name_languages=['*']; o.notdef_outline=True; o.hinting=False
    s=subset.Subsetter(o); s.populate(unicodes=unicodes); s.subset(f)
    f.flavor=None; b=io.BytesIO(); f.save(b); b.seek(0); f=TTFont(b, recalcTimestamp=False)
    f=instantiateVariableFont(f,{"wght":axis})
    for n in f['name'].names:
        if n.nameID in (1,16,25): n.string=family.replace(' ','') if n.nameID==25 else family
        elif n.nameID==4: n.string=family
        elif n.nameID==6: n.string=family.replace(' ','')+'-Regular'
        elif n.nameID==3: n.string=family+' cut'
    f.flavor='woff2'; f.save(dst)
    import os; print(dst.split('/')[-1],os.path.getsize(dst),len(f.getGlyphOrder()))
S,J,OUT=sys.argv[1:4]
ascii_=list(range(0x20,0x7f)); punct=[0xa0,0xa7,0xab,0xb0,0xb7,0xbb,0xd7,0xe9,0x2010,0x2011,0x2012,0x2013,0x2014,0x2018,0x2019,0x201a,0x201c,0x201d,0x201e,0x2022,0x2026,0x202f,0x2032,0x20ac,0x2190,0x2192,0x2191,0x2193,0x2212,0x2260,0x2264,0x2265,0x2713,0x2717,0xb1,0xbd,0xa9,0xae,0xdf,0xe4,0xf6,0xfc,0xc4,0xd6,0xdc,0x27e6,0x27e7]
sl=[ord(c) for c in 'ŠĐČĆŽšđčćž']
cy=[ord(c) for c in 'АБВГДЂЕЖЗИЈКЛЉМНЊОПРСТЋУФХЦЧЏШабвгдђежзијклљмнњопрстћуфхцчџш']
feats=['kern','locl','mark','mkmk','ccmp','lnum','tnum']
for it in ('normal','italic'):
    sfx='' if it=='normal' else '-italic'
    cut(f'{S}/source-sans-3-latin-wght-{it}.woff2',f'{OUT}/straza-sans-latn{sfx}.woff2',ascii_+punct,'Straza Sans',(400,700),feats)
    cut(f'{S}/source-sans-3-latin-ext-wght-{it}.woff2',f'{OUT}/straza-sans-latx{sfx}.woff2',sl,'Straza Sans',(400,700),feats)
    cut(f'{S}/source-sans-3-cyrillic-wght-{it}.woff2',f'{OUT}/straza-sans-cyrl{sfx}.woff2',cy,'Straza Sans',(400,700),feats)
cut(f'{J}/jetbrains-mono-latin-wght-normal.woff2',f'{OUT}/straza-mono-latn.woff2',ascii_+punct,'Straza Mono',(400,700),['zero','kern'])
cut(f'{J}/jetbrains-mono-latin-ext-wght-normal.woff2',f'{OUT}/straza-mono-latx.woff2',sl,'Straza Mono',(400,700),['zero','kern'])
cut(f'{J}/jetbrains-mono-cyrillic-wght-normal.woff2',f'{OUT}/straza-mono-cyrl.woff2',cy,'Straza Mono',(400,700),['zero','kern'])

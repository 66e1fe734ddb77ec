#!/usr/bin/env python3
"""Holds the includes of src/ and include/ against the layers of docs/architecture.md.

A layer may include layers of a lower rank, and only those that its library links; some arrows are forbidden besides.  Also: a public header is self-contained
in name (#pragma once), every .cpp is in a CMakeLists.txt, every layer has a README.
"""
import os, re, sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RANKS = [['base'], ['codec', 'record', 'security', 'net'], ['protocol', 'storage', 'metadata'], ['partition'], ['cluster'], ['coordinator'], ['group', 'txn', 'share'], ['api'],
         ['router', 'http'], ['config'], ['server'], ['cli']]
RANK = {layer: rank for rank, layers in enumerate(RANKS) for layer in layers}
# The arrows that ranks alone would allow.
FORBIDDEN = {
    'storage': {'codec', 'protocol', 'net'}, 'net': set(RANK) - {'base', 'net'}, 'partition': {'cluster', 'group', 'txn', 'protocol', 'codec', 'net'},
    'metadata': {'net', 'security'}, 'api': {'net', 'storage_private'}, 'security': {'net'}, 'record': {'net', 'codec'}, 'codec': {'net', 'record'},
    'router': {'config'}, 'http': {'config'},
}
NO_ASIO = {'base', 'codec', 'record', 'security', 'protocol', 'storage', 'metadata', 'partition'}
PURE = {'metadata', 'security'}     # no clock of their own, no threads
INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]', re.M)


def sources():
    for base in ('include/moldau', 'src'):
        for folder, _, names in os.walk(os.path.join(ROOT, base)):
            for name in sorted(names):
                if name.endswith(('.hpp', '.cpp')):
                    path = os.path.relpath(os.path.join(folder, name), ROOT)
                    yield path, path.split('/')[2 if base == 'include/moldau' else 1]


def linked(layer):
    """The layers that a layer's library links, or None without one."""
    path = os.path.join(ROOT, 'src', layer, 'CMakeLists.txt')
    if not os.path.exists(path): return None
    text = open(path).read()
    m = re.search(r'DEPENDS\s+([^)]*?)(?:LIBRARIES|\))', text, re.S)
    return set(m.group(1).split()) if m else set()


def check():
    problems, cases = [], 0
    links = {layer: linked(layer) for layer in RANK}
    for path, layer in sources():
        cases += 1
        text = open(os.path.join(ROOT, path), errors='replace').read()
        if layer not in RANK:
            problems.append(f'{path}: {layer} is no layer'); continue
        if path.endswith('.hpp') and '#pragma once' not in text: problems.append(f'{path}: no #pragma once')
        for include in INCLUDE.findall(text):
            if include.startswith('boost/asio') and layer in NO_ASIO: problems.append(f'{path}: {layer} may not include Asio')
            if include.startswith('boost/beast') and not (path.startswith('src/http/') and path.endswith('.cpp')): problems.append(f'{path}: Beast stays in src/http')
            if include in ('thread', 'condition_variable') and layer in PURE: problems.append(f'{path}: {layer} has no threads')
            m = re.match(r'moldau/(\w+)/', include)
            target = m.group(1) if m else None
            private = re.match(r'(\w+)/', include)
            if not m and private and private.group(1) in RANK and private.group(1) != layer and '/' in include and not include.startswith('boost'):
                problems.append(f'{path}: includes a private header of {private.group(1)}: {include}')
            if not target or target == layer: continue
            if target not in RANK: problems.append(f'{path}: {include} is of no layer'); continue
            if RANK[target] >= RANK[layer]: problems.append(f'{path}: {layer} (rank {RANK[layer]}) may not include {target} (rank {RANK[target]})')
            elif target in FORBIDDEN.get(layer, ()): problems.append(f'{path}: {layer} may not include {target}')
            elif links.get(layer) is not None and target not in links[layer]: problems.append(f'{path}: {layer} does not link {target}')
            if target in ('config',) and layer not in ('server', 'cli'): problems.append(f'{path}: only server and cli include config')
        if layer in PURE and re.search(r'(system_clock|steady_clock)::now\(', text): problems.append(f'{path}: {layer} is passed the time')
        if path.endswith('.cpp'):
            listing = os.path.join(ROOT, os.path.dirname(path), 'CMakeLists.txt')
            if not os.path.exists(listing) or not re.search(r'\b' + re.escape(os.path.basename(path)) + r'\b', open(listing).read()):
                problems.append(f'{path}: not in its CMakeLists.txt')
    for layer in RANK:
        if links[layer] is not None:
            cases += 1
            readme = os.path.join(ROOT, 'src', layer, 'README.md')
            if not os.path.exists(readme): problems.append(f'src/{layer}: no README.md')
            elif len(open(readme).read().splitlines()) > 60: problems.append(f'src/{layer}/README.md: more than 60 lines')
    return problems, cases


def self_test():
    """The rules bite: a planted include of a higher layer is found."""
    global sources
    import tempfile
    original, planted = sources, 'src/base/planted.cpp'
    with tempfile.NamedTemporaryFile('w', suffix='.cpp') as f:
        f.write('#include "moldau/api/context.hpp"\n'); f.flush()
        sources = lambda: iter([(os.path.relpath(f.name, ROOT), 'base')])
        try: found, _ = check()
        finally: sources = original
    return any('may not include api' in p for p in found)


if __name__ == '__main__':
    found, count = check()
    for problem in found: print('not ok', problem)
    teeth = self_test()
    print('ok the rules find a planted include' if teeth else 'not ok a planted include was not found')
    failed = len({p.split(':')[0] for p in found}) + (not teeth)
    print(f'{count + 1 - failed} passed, {failed} failed, 0 skipped')
    sys.exit(1 if failed else 0)

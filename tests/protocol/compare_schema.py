#!/usr/bin/env python3
"""Holds schema.txt against the message classes of Apache Kafka, for every API and version that both have.

    compare_schema.py [--libs FOLDER]     FOLDER: jars of a kafka-clients release and what it needs
                                          (default: those of tests/reference/kafka)

Compared: which versions are flexible, and each version's fields in order, with type, nullability, tag and
default; and the numbers of the error codes.  Versions that only one side has are counted.
"""
import argparse, os, re, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
FIELD = re.compile(r'( *)(\w+): (\S+) (\d+)(\+|-\d+)(?: nullable (\d+)\+)?( tag \d+)?( = .+)?$')


def ours(path):
    """{(key, name, kind, version): [flexible, lines]} of schema.txt, each version spelled out."""
    messages, current = {}, []
    for line in open(path):
        line = line.rstrip('\n')
        if not line or line.startswith('#'): continue
        if not line.startswith(' '):
            key, name, kind, versions, _, flexible = line.split(' ')
            first, last = map(int, versions.split('-'))
            current = []
            for v in range(first, last + 1):
                is_flexible = flexible != 'none' and int(flexible.split('-')[0]) <= v <= int(flexible.split('-')[1])
                messages[int(key), name, kind, v] = 'flexible' if is_flexible else 'plain', []
                current.append((v, messages[int(key), name, kind, v][1]))
            continue
        indent, name, type_, since, until, nullable, tag, default = FIELD.match(line).groups()
        until = 1 << 15 if until == '+' else int(until[1:])
        for v, lines in current:
            if int(since) <= v <= until:
                is_nullable = ' nullable' if nullable and int(nullable) <= v else ''
                lines.append((len(indent) // 2, f'{name}: {type_}{is_nullable}{tag or ""}{default or ""}'))
            elif lines is not None:
                lines.append((len(indent) // 2, None))      # absent, and with it what is in it
    return {k: (flexible, present(lines)) for k, (flexible, lines) in messages.items()}


def present(lines):
    """Leaves out the fields of structs that are absent themselves, and puts tagged fields behind the others, as the reference prints them."""
    kept, hidden = [], None
    for depth, text in lines:
        if hidden is not None and depth > hidden: continue
        hidden = depth if text is None else None
        if text is not None: kept.append((depth, text))
    return tagged_last(kept)


def tagged_last(lines):
    groups = []
    for line in lines:
        if not groups or line[0] == lines[0][0]: groups.append([line])
        else: groups[-1].append(line)
    tag = lambda group: int(m[1]) if (m := re.search(r' tag (\d+)', group[0][1])) else -1
    result = []
    for group in sorted(groups, key=tag): result += [group[0]] + (tagged_last(group[1:]) if len(group) > 1 else [])
    return result


def theirs(libs):
    dump = subprocess.run(['java', '-cp', os.path.join(libs, '*'), os.path.join(HERE, 'DumpSchemas.java')], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True).stdout
    messages, errors, lines = {}, {}, []
    for line in dump.splitlines():
        if line.startswith('error '):
            errors[int(line.split()[1])] = line.split()[2]
        elif line.startswith('message '):
            _, key, name, kind, version, flexible = line.split()
            lines = []
            messages[int(key), name, kind, int(version)] = flexible, lines
        else:
            text = line.lstrip(' ')
            lines.append(((len(line) - len(text)) // 2, text))
    return messages, errors


def our_errors():
    text = open(os.path.join(HERE, '../../include/moldau/protocol/error_code.hpp')).read()
    return {int(code): name.upper() for name, code in re.findall(r'^  (\w+) = (-?\d+),', text, re.M)}


def same(a, b):
    """Lines are equal but for defaults that the reference cannot tell."""
    return len(a) == len(b) and all(x == y or (y[1].endswith(' = ?') and x == (y[0], y[1][:-4])) for x, y in zip(a, b))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--libs')
    libs = parser.parse_args().libs or subprocess.run([os.path.join(HERE, '../reference/kafka'), 'fetch'], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    our, (their, their_errors) = ours(os.path.join(HERE, 'schema.txt')), theirs(libs)
    passed = failed = 0
    for key in sorted(our.keys() & their.keys()):
        (flexible, lines), (their_flexible, their_lines) = our[key], their[key]
        if flexible == their_flexible and same(lines, their_lines):
            passed += 1
            continue
        failed += 1
        print(f'{key[1]} {key[2]} v{key[3]}: {flexible}, the reference {their_flexible}')
        for depth, text in lines: print('   ' + ('  ' if (depth, text) in their_lines else '+ ') + '  ' * depth + text)
        for depth, text in their_lines:
            if (depth, text) not in lines: print('   - ' + '  ' * depth + text)
    mine = our_errors()
    for code in sorted(their_errors):
        if mine.get(code) == their_errors[code]: passed += 1
        else:
            failed += 1
            print(f'error {code}: {mine.get(code)}, the reference {their_errors[code]}')
    served = {key[:2] for key in our}
    only_ours = sorted({f'{k[1]} v{k[3]}' for k in our.keys() - their.keys()})
    only_theirs = sorted({f'{k[1]} v{k[3]}' for k in their.keys() - our.keys() if k[:2] in served})
    print('only here: ' + (', '.join(only_ours) or 'none'))
    print('only there, of the same APIs: ' + (', '.join(only_theirs) or 'none'))
    print(f'{passed} passed, {failed} failed, 0 skipped')
    return 1 if failed or passed == 0 else 0


if __name__ == '__main__': sys.exit(main())

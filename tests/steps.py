"""The steps of `./dev test`, in order; see run.py for what a step is."""
from run import step_build, step_script, step_unittest, step_units

CRASH = 'tests/safety/crash_test.py'
# The clients of the test run's transactions; --deep has them all.
TRANSACTIONAL = [f'--client={name}' for name in ('java_groups-4.3.1', 'java_groups-3.9.1', 'java_groups-2.8.2', 'kafkajs',
                                                 'confluent', 'franz_go')]


def STEPS(deep):
    cycles = (1000, 1000) if deep else (50, 30)
    sanitized = {kind: {'MOLDAU': f'build/{kind}/bin/moldau', 'TSAN_OPTIONS': 'halt_on_error=1'} for kind in ('asan', 'tsan')}
    return [
        ('layers', step_script('tests/layers/layers.py')),
        ('build-release', step_build('release')),
        ('unit-release', step_units('release')),
        ('checker', step_unittest('tests/safety/checker_test.py', 'tests/safety/txn_rules_test.py', 'tests/safety/dump_test.py')),
        ('hostile', step_script('tests/safety/hostile.py')),
        ('connections', step_script('tests/safety/hostile.py', '--connections', '10000')),
        ('observed', step_script('tests/safety/observed.py')),
        ('group-commands', step_script('tests/cli/group_commands.py')),
        ('txn-commands', step_script('tests/cli/txn_commands.py')),
        ('refusals', step_script('tests/safety/refusals.py', tools=['losetup', 'mkfs.ext4'])),
        ('cleanup', step_script('tests/safety/cleanup.py')),
        ('bit-rot', step_script('tests/safety/bit_rot.py')),
        ('golden', step_script('tests/safety/golden.py')),
        ('disk-trouble', step_script('tests/safety/disk_trouble.py', '--failures', '200' if deep else '30', tools=['strace', 'prlimit'])),
        ('idle', step_script('tests/safety/resources.py', '--check')),
        ('kafka-tools', step_script('tests/clients/kafka_tools.py', tools=['java', 'mvn'])),
        ('group-tools', step_script('tests/clients/group_tools.py', tools=['java', 'mvn'])),
        ('transaction-tools', step_script('tests/clients/transaction_tools.py', tools=['java', 'mvn'])),
        ('hand-back', step_script('tests/safety/hand_back.py', tools=['java', 'mvn', 'kcat'])),
        ('hand-back-groups', step_script('tests/safety/hand_back_groups.py', tools=['java', 'mvn'])),
        ('hand-back-transactions', step_script('tests/safety/hand_back_transactions.py', tools=['java', 'mvn'])),
        ('hand-back-transactions-kafka-first', step_script('tests/safety/hand_back_transactions.py', '--first', 'kafka', tools=['java', 'mvn'])),
        ('hand-back-compacted', step_script('tests/safety/hand_back_compacted.py', tools=['java', 'mvn'])),
        ('hand-back-compacted-kafka-first', step_script('tests/safety/hand_back_compacted.py', '--first', 'kafka', tools=['java', 'mvn'])),
        ('hand-back-compacted-kills', step_script('tests/safety/hand_back_compacted.py', '--kills', '10' if deep else '2', tools=['java', 'mvn'])),
        ('kill9', step_script(CRASH, '--nemesis', 'kill9', '--cycles', str(cycles[0]), timeout=7200)),
        ('kill9-groups', step_script(CRASH, '--workload', 'groups', '--nemesis', 'kill9', '--cycles', '20')),
        ('power', step_script(CRASH, '--nemesis', 'power', '--cycles', str(cycles[1]), timeout=7200, tools=['losetup', 'mkfs.ext4'])),
        ('power-control', step_script(CRASH, '--nemesis', 'power', '--cycles', '5', '--unsafe-no-fsync', tools=['losetup', 'mkfs.ext4'])),
        ('power-groups', step_script(CRASH, '--workload', 'groups', '--nemesis', 'power', '--cycles', '15', tools=['losetup', 'mkfs.ext4'])),
        ('power-groups-control', step_script(CRASH, '--workload', 'groups', '--nemesis', 'power', '--cycles', '5', '--unsafe-no-fsync', tools=['losetup', 'mkfs.ext4'])),
        ('txn-attacks', step_script('tests/safety/txn_attacks.py', *(['--rounds', '10000'] if deep else []), timeout=7200)),
        ('kill9-txn', step_script(CRASH, '--workload', 'txn', '--nemesis', 'kill9', '--cycles', str(cycles[0]), timeout=7200)),
        ('power-txn', step_script(CRASH, '--workload', 'txn', '--nemesis', 'power', '--cycles', str(cycles[1]), timeout=7200, tools=['losetup', 'mkfs.ext4'])),
        ('power-txn-control', step_script(CRASH, '--workload', 'txn', '--nemesis', 'power', '--cycles', '5', '--unsafe-no-fsync', tools=['losetup', 'mkfs.ext4'])),
        *([('planted', step_script('tests/safety/planted.py', timeout=7200, tools=['patch', 'losetup', 'mkfs.ext4']))] if deep else []),
        ('clients', step_script('tests/clients/prepare.py')),
        ('round-trip', step_script('tests/clients/round_trip.py', *(['--deep'] if deep else []), timeout=7200)),
        ('streams', step_script('tests/clients/streams.py', *(
            ['--records', '1000000', '--seconds', '150', '--broker-kills', '20', '--instance-kills', '10'] if deep else
            ['--records', '100000', '--seconds', '30', '--broker-kills', '6', '--instance-kills', '4']), timeout=3600)),
        # Some clients' own races still show in it now and then, on Apache Kafka as well: not yet a gate.
        *([('groups', step_script('tests/clients/groups.py', tools=['java', 'mvn']))] if deep else []),
        ('transactions', step_script('tests/clients/transactions.py', *([] if deep else TRANSACTIONAL),
                                     tools=['java', 'mvn'])),
        ('kgo', step_script('tests/clients/kgo_suite.py', '--compare', 'tests/clients/golden/kgo.json',
                            *([] if deep else ['--records', '100000']))),
        # The same suites under the sanitizers; both are clang builds, so this is clang's check too.
        ('build-asan', step_build('asan')),
        ('unit-asan', step_units('asan')),
        ('hostile-asan', step_script('tests/safety/hostile.py', env=sanitized['asan'])),
        ('kill9-asan', step_script(CRASH, '--nemesis', 'kill9', '--cycles', '10', env=sanitized['asan'])),
        ('kill9-groups-asan', step_script(CRASH, '--workload', 'groups', '--nemesis', 'kill9', '--cycles', '5', env=sanitized['asan'])),
        ('txn-attacks-asan', step_script('tests/safety/txn_attacks.py', '--rounds', '50', env=sanitized['asan'])),
        ('kill9-txn-asan', step_script(CRASH, '--workload', 'txn', '--nemesis', 'kill9', '--cycles', '5', env=sanitized['asan'])),
        ('fuzz', step_script('tests/fuzz/run.py', '600' if deep else '60')),
        ('build-tsan', step_build('tsan')),
        ('unit-tsan', step_units('tsan')),
        ('hostile-tsan', step_script('tests/safety/hostile.py', env=sanitized['tsan'])),
        ('kill9-tsan', step_script(CRASH, '--nemesis', 'kill9', '--cycles', '10', env=sanitized['tsan'])),
        ('kill9-groups-tsan', step_script(CRASH, '--workload', 'groups', '--nemesis', 'kill9', '--cycles', '5', env=sanitized['tsan'])),
        ('txn-attacks-tsan', step_script('tests/safety/txn_attacks.py', '--rounds', '50', env=sanitized['tsan'])),
        ('kill9-txn-tsan', step_script(CRASH, '--workload', 'txn', '--nemesis', 'kill9', '--cycles', '5', env=sanitized['tsan'])),
    ]

#!/usr/bin/env python3
"""Records the ends of transactions as Apache Kafka's log has them.

    referee_markers.py PORT      writes golden/markers/*.bin, one batch each

Run against Apache Kafka (tests/reference); tests/record/transaction_marker_test.cpp reads the files.
"""
import pathlib
import struct
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'safety'))
from txn_client import VERSIONS, TxnClient, transactional_batch  # noqa: E402


def batches(data):
    while data:
        size = 12 + struct.unpack_from('>i', data, 8)[0]
        yield data[:size]
        data = data[size:]


def stored(client, topic):
    error, got = client.fetch({(topic, 0): 0}, max_wait_ms=1000)
    assert error == 0, error
    return list(batches(bytes(got[(topic, 0)]['data'])))


def main():
    client, topic = TxnClient(int(sys.argv[1])), f'markers-{int(time.time()):x}'
    error, _ = client.create_topic(topic)
    assert error == 0, error
    time.sleep(1)
    keys = [(topic, 0)]
    for commit, producer, epoch in ((True, (4_294_967_301, 3), 7), (False, (5, 32767), 0)):
        answer = client.write_markers(producer, commit, keys, coordinator_epoch=epoch)
        assert answer == {keys[0]: 0}, answer
    # And one by the coordinator itself, of transaction.version 2.
    client.find_transaction_coordinator('marker-id')
    error, producer = client.init_transactional_id('marker-id')
    while error:
        time.sleep(0.5)
        error, producer = client.init_transactional_id('marker-id')
    batch = transactional_batch([(b'k', b'v')], producer, 0)
    error = client.produce(topic, 0, batch, version=VERSIONS[2]['Produce'], transactional_id='marker-id')[0]
    assert error == 0, error
    error, _ = client.end_txn('marker-id', producer, True, VERSIONS[2]['EndTxn'])
    assert error == 0, error
    time.sleep(1)
    written_commit, written_abort, _data, ended = stored(client, topic)
    folder = HERE / 'golden' / 'markers'
    folder.mkdir(exist_ok=True)
    for name, batch in (('commit', written_commit), ('abort', written_abort), ('version_2', ended)):
        (folder / f'{name}.bin').write_bytes(batch)
        print(name, batch.hex())


if __name__ == '__main__':
    main()

#!/usr/bin/env python3
"""Records what other implementations put in a batch, through a broker that stores it as it came.

    referee_golden.py PORT KAFKA [PYTHON ...]      writes golden/<client>_<codec>.bin

KAFKA is the runner of tests/reference; each PYTHON is an interpreter that has kafka-python or
confluent-kafka. Every client sends ten records: key `key<i>`, value `value<i> ` a hundred times.
Run against Apache Kafka; tests/record/golden_test.cpp reads the files.
"""
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'safety'))
from raw_client import RawClient  # noqa: E402

CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
RECORDS = [(f'key{i}', f'value{i} ' * 100) for i in range(10)]
LINES = ''.join(f'{key}:{value}\n' for key, value in RECORDS).encode()

PYTHON = '''
import sys
port, topic, codec = sys.argv[1:]
records = [('key%d' % i, ('value%d ' % i) * 100) for i in range(10)]
try:
    from kafka import KafkaProducer
except ImportError:
    from confluent_kafka import Producer
    producer = Producer({'bootstrap.servers': '127.0.0.1:' + port, 'linger.ms': 300,
                         'compression.type': codec, 'enable.idempotence': True})
    for key, value in records:
        producer.produce(topic, value.encode(), key.encode())
else:
    producer = KafkaProducer(bootstrap_servers='127.0.0.1:' + port, linger_ms=300,
                             compression_type=None if codec == 'none' else codec)
    for key, value in records:
        producer.send(topic, value.encode(), key.encode())
producer.flush()
print(type(producer).__module__.split('.')[0])
'''


def java(kafka, port, topic, codec):
    subprocess.run([kafka, 'console-producer', '--bootstrap-server', f'127.0.0.1:{port}', '--topic',
                    topic, '--compression-codec', codec, '--reader-property', 'parse.key=true',
                    '--reader-property', 'key.separator=:', '--command-property', 'linger.ms=300'],
                   input=LINES, check=True, stdout=subprocess.DEVNULL)
    return 'java'


def kcat(port, topic, codec):
    subprocess.run(['kcat', '-P', '-b', f'127.0.0.1:{port}', '-t', topic, '-z', codec, '-K:', '-X',
                    'linger.ms=300'], input=LINES, check=True)
    return 'librdkafka'


def python(interpreter, port, topic, codec):
    done = subprocess.run([interpreter, '-c', PYTHON, port, topic, codec], check=True,
                          capture_output=True, text=True)
    return {'kafka': 'kafka_python', 'cimpl': 'confluent'}.get(done.stdout.strip(),
                                                               done.stdout.strip())


def main():
    port, kafka, interpreters = sys.argv[1], sys.argv[2], sys.argv[3:]
    client, run = RawClient(int(port)), f'{int(time.time()):x}'
    senders = [lambda *a: java(kafka, *a), kcat]
    senders += [lambda *a, i=i: python(i, *a) for i in interpreters]
    for number, send in enumerate(senders):
        for codec in CODECS:
            topic = f'golden-{run}-{number}-{codec}'
            error, _ = client.create_topic(topic)
            assert error == 0, error
            time.sleep(0.3)
            name = send(port, topic, codec)
            error, got = client.fetch({(topic, 0): 0}, max_wait_ms=1000)
            data = bytes(got[(topic, 0)]['data'])
            assert error == 0 and data, (name, codec, error)
            (HERE / 'golden' / f'{name}_{codec}.bin').write_bytes(data)
            print(name, codec, len(data), 'bytes')


if __name__ == '__main__':
    main()

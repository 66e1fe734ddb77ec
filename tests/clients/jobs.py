"""What the Python clients share: jobs from the command line, records from files (see README.md)."""
import sys

IDLE_SECONDS = 20


def records(job):
    if job['mode'] == 'lines':
        with open(job['file'], 'rb') as f:
            for line in f:
                yield line[:-1]
    else:
        with open(job['file'] + '.sizes') as sizes, open(job['file'], 'rb') as f:
            for size in sizes:
                yield f.read(int(size))


class Output:
    """The files that a consumer writes, one for each partition."""

    def __init__(self, job):
        self.left = int(job['count'])
        self.end = b'\n' if job['mode'] == 'lines' else b''
        self.files = [open(f"{job['file']}.{p}", 'wb') for p in range(int(job['partitions']))]

    def add(self, partition, value):
        self.files[partition].write(value + self.end)
        self.left -= 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for f in self.files:
            f.close()
        if self.left > 0:
            raise RuntimeError(f'{self.left} records did not come')


def jobs():
    return [dict(pair.split('=', 1) for pair in job.split(',')) for job in sys.argv[2:]]


def main(produce, consume):
    for job in jobs():
        try:
            (produce if job['op'] == 'produce' else consume)(sys.argv[1], job)
            print('ok', job['topic'], flush=True)
        except Exception as e:
            print('error', job['topic'], repr(e).replace('\n', ' '), flush=True)

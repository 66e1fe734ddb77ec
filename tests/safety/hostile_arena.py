"""What the rows of hostile.py are made of: a name, an attack, and what is to come back."""
import dataclasses
import time
import typing

from raw_client import (ConnectionLost, MalformedResponse, RawClient, error_name, framed,
                        request_header)
from record_batch import Fields, build_batch

TOPIC, QUIET_S, ANSWER_S = 'hostile', 0.3, 10.0
MIB = 1 << 20


@dataclasses.dataclass
class Row:
    name: str
    attack: typing.Callable       # (Arena) -> outcome
    expected: str                 # of Kafka
    moldau: str = ''              # several by '|'; empty: as Kafka
    why: str = ''

    def allowed(self, kind):
        return (self.moldau if kind == 'moldau' and self.moldau else self.expected).split('|')


class Arena:
    """What a row works with."""

    def __init__(self, port):
        self.port = port

    def client(self):
        return RawClient(self.port, timeout=ANSWER_S)

    def raw(self, *pieces, patience=ANSWER_S):
        """Sends bytes and waits for one frame: 'answered', 'closed' or 'silent'."""
        with self.client() as client:
            try:
                for piece in pieces:
                    client.send_raw(piece)
            except ConnectionLost:
                return 'closed'
            return self.wait(client, patience)

    @staticmethod
    def wait(client, patience=ANSWER_S):
        client.socket.settimeout(patience)
        try:
            client.receive_frame()
            return 'answered'
        except ConnectionLost as lost:
            return 'silent' if 'timed out' in str(lost) else 'closed'

    def request(self, key, version, body, flexible=True):
        return self.raw(framed(request_header(key, version, 1, flexible=flexible) + body))

    def call(self, action):
        """`action(client)` gives an error code. After an answer the connection must still serve."""
        with self.client() as client:
            try:
                outcome = error_name(action(client))
            except ConnectionLost as lost:
                return 'silent' if 'timed out' in str(lost) else 'closed'
            except MalformedResponse as error:
                return f'malformed answer: {error}'
            try:
                client.api_versions()
            except ConnectionLost:
                return outcome + ', then closed'
            return outcome

    def produce(self, batch, topic=TOPIC, partition=0, **options):
        return self.call(lambda c: c.produce(topic, partition, batch, **options)[0])

    def fetch(self, topic=TOPIC, partition=0, offset=0, **options):
        """The partition's error, or the whole answer's when that is set."""
        def action(client):
            options.setdefault('max_wait_ms', 10)
            error, answers = client.fetch({(topic, partition): offset}, **options)
            return error or answers[topic, partition]['error']
        return self.call(action)


def good_batch(count=1, **fields):
    fields.setdefault('base_timestamp', int(time.time() * 1000))
    return build_batch([(b'key', b'value')] * count, Fields(**fields))

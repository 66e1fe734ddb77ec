"""The group requests of the raw client: both protocols and offsets, one connection, no retries.

Every version here is a flexible one that Kafka 4 serves: FindCoordinator 4, JoinGroup 9, SyncGroup 5,
Heartbeat 4, LeaveGroup 5, ConsumerGroupHeartbeat 1, OffsetCommit 9, OffsetFetch 9.
"""
import dataclasses
import struct
import uuid

from raw_client import RawClient, Writer

NO_OFFSET = -1
JOINING, LEAVING = 0, -1    # epochs of ConsumerGroupHeartbeat


@dataclasses.dataclass
class Joined:
    """The answer to JoinGroup; `members` is {member id: metadata}, of the leader only."""
    error: int
    generation: int
    protocol: str
    leader: str
    skip_assignment: bool
    member_id: str
    members: dict


@dataclasses.dataclass
class Beat:
    """The answer to ConsumerGroupHeartbeat; `assignment` is {topic id: [partition]}, or None when it
    has not changed."""
    error: int
    message: str
    member_id: str
    epoch: int
    assignment: dict


def subscription(topics):
    """What a member of the old protocol says of itself (version 0)."""
    out = struct.pack('>hi', 0, len(topics))
    for topic in topics:
        out += struct.pack('>h', len(topic)) + topic.encode()
    return out + struct.pack('>i', -1)


def assignment(partitions):
    """What the leader tells a member of the old protocol: {topic: [partition]} (version 0)."""
    out = struct.pack('>hi', 0, len(partitions))
    for topic, numbers in partitions.items():
        out += struct.pack('>h', len(topic)) + topic.encode()
        out += struct.pack(f'>i{len(numbers)}i', len(numbers), *numbers)
    return out + struct.pack('>i', -1)


def read_assignment(data):
    """[(topic, partition)] of what the leader told; nothing for the empty bytes of none."""
    out, at = [], 6
    if not data:
        return out
    for _ in range(struct.unpack_from('>i', data, 2)[0]):
        size, = struct.unpack_from('>h', data, at)
        topic = bytes(data[at + 2:at + 2 + size]).decode()
        count, = struct.unpack_from('>i', data, at + 2 + size)
        numbers = struct.unpack_from(f'>{count}i', data, at + 6 + size)
        out += [(topic, number) for number in numbers]
        at += 6 + size + 4 * count
    return out


def new_member_id():
    """As the clients of the new protocol make it themselves."""
    return str(uuid.uuid4())


class GroupClient(RawClient):
    def find_coordinator(self, group, kind=0):
        """(error, host, port); `kind` 1 is that of transactions."""
        writer = Writer().pack('b', kind)
        writer.array([group], writer.string).tags()
        reader = self.call('FindCoordinator', 4, writer)
        reader.unpack('i'), reader.uvarint(), reader.string(), reader.unpack('i')
        host, port = reader.string(), reader.unpack('i')
        return reader.unpack('h'), host, port

    def join_group(self, group, member_id, topics, session_timeout_ms=6000,
                   rebalance_timeout_ms=3000, instance=None, protocol='range'):
        writer = Writer().string(group).pack('ii', session_timeout_ms, rebalance_timeout_ms)
        writer.string(member_id).string(instance).string('consumer')
        writer.array([protocol], lambda name: writer.string(name).bytes(subscription(topics)).tags())
        writer.string(None).tags()
        reader = self.call('JoinGroup', 9, writer)

        def member():
            ident, _instance, metadata = reader.string(), reader.string(), reader.bytes()
            reader.tags()
            return ident, metadata
        _throttle, error, generation = reader.unpack('ihi')
        reader.string()
        chosen, leader, skip, ident = (reader.string(), reader.string(), reader.unpack('?'),
                                       reader.string())
        return Joined(error, generation, chosen, leader, skip, ident, dict(reader.array(member)))

    def sync_group(self, group, generation, member_id, assignments, instance=None, protocol='range'):
        """`assignments` is {member id: bytes} of the leader. Returns (error, assignment's bytes)."""
        writer = Writer().string(group).pack('i', generation).string(member_id).string(instance)
        writer.string('consumer').string(protocol)
        writer.array(list(assignments.items()), lambda item: writer.string(item[0]).bytes(item[1]).tags())
        reader = self.call('SyncGroup', 5, writer.tags())
        _throttle, error = reader.unpack('ih')
        reader.string(), reader.string()
        return error, reader.bytes()

    def heartbeat(self, group, generation, member_id, instance=None):
        writer = Writer().string(group).pack('i', generation).string(member_id).string(instance).tags()
        return self.call('Heartbeat', 4, writer).unpack('ih')[1]

    def leave_group(self, group, member_id, instance=None):
        writer = Writer().string(group)
        writer.array([member_id], lambda ident: writer.string(ident).string(instance).string(None).tags())
        return self.call('LeaveGroup', 5, writer.tags()).unpack('ih')[1]

    def consumer_heartbeat(self, group, member_id, epoch, topics=None, owned=None,
                           rebalance_timeout_ms=3000, instance=None, assignor=None):
        """`topics` and `owned` ({topic id: [partition]}) are told when they changed, else None."""
        writer = Writer().string(group).string(member_id).pack('i', epoch).string(instance).string(None)
        writer.pack('i', rebalance_timeout_ms if epoch == JOINING else -1)
        writer.array(topics, writer.string).string(None).string(assignor)
        writer.array(None if owned is None else list(owned.items()),
                     lambda item: writer.uuid(item[0]).int32s(item[1]).tags()).tags()
        reader = self.call('ConsumerGroupHeartbeat', 1, writer)

        def topic():
            pair = reader.uuid(), reader.int32s()
            reader.tags()
            return pair
        _throttle, error = reader.unpack('ih')
        message, ident = reader.string(), reader.string()
        epoch, _interval = reader.unpack('ii')
        told = None if reader.unpack('b') < 0 else dict(reader.array(topic))
        return Beat(error, message, ident, epoch, told)

    def offset_commit(self, group, offsets, generation=-1, member_id='', instance=None):
        """`offsets` is {(topic, partition): (offset, metadata)}; returns {(topic, partition): error}.
        Without a member it is the commit of a simple consumer."""
        by_topic = {}
        for (topic, partition), value in offsets.items():
            by_topic.setdefault(topic, []).append((partition, *value))
        writer = Writer().string(group).pack('i', generation).string(member_id).string(instance)

        def write_partition(item):
            writer.pack('iqi', item[0], item[1], -1).string(item[2]).tags()

        def write_topic(item):
            writer.string(item[0]).array(item[1], write_partition).tags()
        writer.array(list(by_topic.items()), write_topic).tags()
        reader, out = self.call('OffsetCommit', 9, writer), {}
        reader.unpack('i')

        def topic():
            name = reader.string()

            def partition():
                index, error = reader.unpack('ih')
                reader.tags()
                out[name, index] = error
            reader.array(partition)
            reader.tags()
        reader.array(topic)
        return out

    def offset_fetch(self, group, keys=None, stable=True, member_id=None, epoch=-1):
        """(error, {(topic, partition): (error, offset, metadata)}); all that the group has when `keys`
        is None. An offset of NO_OFFSET: nothing is committed."""
        by_topic = {}
        for topic, partition in keys or ():
            by_topic.setdefault(topic, []).append(partition)
        writer = Writer()

        def write_topic(item):
            writer.string(item[0]).int32s(item[1]).tags()

        def write_group(name):
            writer.string(name).string(member_id).pack('i', epoch)
            writer.array(None if keys is None else list(by_topic.items()), write_topic).tags()
        writer.array([group], write_group).pack('?', stable).tags()
        reader, out = self.call('OffsetFetch', 9, writer), {}
        reader.unpack('i'), reader.uvarint(), reader.string()

        def topic():
            name = reader.string()

            def partition():
                index, offset, _epoch = reader.unpack('iqi')
                metadata, error = reader.string(), reader.unpack('h')
                reader.tags()
                out[name, index] = error, offset, metadata
            reader.array(partition)
            reader.tags()
        reader.array(topic)
        return reader.unpack('h'), out

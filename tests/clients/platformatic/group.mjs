// @platformatic/kafka as a member of a group. See tests/clients/README.md. MODULES is the folder that has node_modules.
import { pathToFileURL } from 'node:url'
import { Member } from '../member.mjs'

const entry = process.env.MODULES + '/node_modules/@platformatic/kafka/dist/index.js'
const { Admin, Consumer, MessagesStreamFallbackModes, MessagesStreamModes } = await import(pathToFileURL(entry))

const member = new Member()
const client = { clientId: 'groups', bootstrapBrokers: [member.bootstrap] }
const partitions = Array.from({ length: Number(member.partitions) }, (_, p) => p)

function settings () {
  const instance = member.instance ? { groupInstanceId: member.instance } : {}
  if (member.protocol === 'consumer') return { groupProtocol: 'consumer', rebalanceTimeout: 60000, ...instance }
  return { sessionTimeout: Number(member.session), heartbeatInterval: 500, rebalanceTimeout: 60000, ...instance }
}

function watch (consumer) {
  const ours = () => (consumer.assignments ?? []).filter(a => a.topic === member.topic).flatMap(a => a.partitions)
  if (member.protocol !== 'consumer') {
    consumer.on('consumer:group:join', () => member.owns(ours()))
    consumer.on('consumer:group:rebalance', () => member.owns([]))
    return
  }
  // It has no event for a new assignment, but tells the group of one right after it took it.
  let last = ''
  consumer.on('consumer:heartbeat:start', () => {
    const now = ours().join()
    if (now !== last) member.owns(ours())
    last = now
  })
}

async function consume () {
  const consumer = new Consumer({ ...client, groupId: member.group, autocommit: false, maxWaitTime: 100, ...settings() })
  watch(consumer)
  const stream = await consumer.consume({
    topics: [member.topic],
    mode: MessagesStreamModes.COMMITTED,
    fallbackMode: MessagesStreamFallbackModes.EARLIEST,
    autocommit: member.commit === 'auto' ? 200 : false,
    maxWaitTime: 100
  })
  stream.on('error', e => member.say(`said ${e.message} ${(e.errors ?? []).map(x => x.message)}`))
  let batch = []
  let commits = Promise.resolve()
  const commit = async ends => {
    const offsets = [...ends].map(([partition, offset]) => ({ topic: member.topic, partition, offset, leaderEpoch: 0 }))
    try {
      await consumer.commit({ offsets })
      member.committed([...ends])
    } catch (e) {
      member.say(`not committed ${e.message} ${(e.errors ?? []).map(x => x.message)}`)
    }
  }
  const flush = () => {
    member.records(batch)
    const ends = new Map(batch.map(([partition, offset]) => [partition, offset + 1n]))
    batch = []
    if (member.commit !== 'auto') commits = commits.then(() => commit(ends))
  }
  stream.on('data', message => {
    if (!batch.length) setImmediate(flush)
    batch.push([message.partition, message.offset])
  })
  for (let command; (command = await member.command()) !== 'leave';) {
    const found = await consumer.listCommittedOffsets({ topics: [{ topic: member.topic, partitions }] })
    member.fetched(found.get(member.topic).map((offset, p) => [p, offset]))
  }
  await stream.close()
  await commits
  member.owns([])
  // Its close() makes a static member leave as well, so that one just ends.
  if (!member.instance) await consumer.close(true)
  member.say('left')
}

async function offsets (admin) {
  const [{ topics }] = await admin.listConsumerGroupOffsets({ groups: [member.group] })
  return topics.flatMap(t => t.partitions.map(p => [p.partitionIndex, p.committedOffset]))
}

async function administer () {
  const admin = new Admin(client)
  for (const [id, group] of await admin.listGroups({ types: ['classic', 'consumer'] })) member.say(`listed ${id} ${group.state}`)
  if (member.protocol === 'consumer') {
    member.say('cannot describe')
  } else {
    for (const [id, group] of await admin.describeGroups({ groups: [member.live] })) {
      const owned = [...group.members.values()].flatMap(m => [...m.assignments.values()].flatMap(a => a.partitions))
      member.say(`described ${id} ${group.state} ${group.members.size} ${owned.length}`)
    }
  }
  member.say(...(await offsets(admin)).map(([p, o]) => `offset ${p} ${o}`))
  await admin.alterConsumerGroupOffsets({
    groupId: member.group,
    topics: [{ name: member.topic, partitionOffsets: partitions.map(partition => ({ partition, offset: 1n })) }]
  })
  member.say(...(await offsets(admin)).map(([p, o]) => `altered ${p} ${o}`))
  await admin.deleteConsumerGroupOffsets({
    groupId: member.group, topics: [{ name: member.topic, partitionIndexes: [0] }]
  })
  member.say(...(await offsets(admin)).map(([p, o]) => `kept ${p} ${o}`))
  // It removes by the id that the group gave a member, not by the instance.
  member.say('cannot remove-member')
  await admin.deleteGroups({ groups: [member.group] })
  for (const [id] of await admin.listGroups({ types: ['classic', 'consumer'] })) member.say(`still ${id}`)
  await admin.close()
  member.say('left')
}

await (member.operation === 'member' ? consume() : administer())
process.exit(0)

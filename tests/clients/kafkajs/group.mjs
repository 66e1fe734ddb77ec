// kafkajs as a member of a group. See tests/clients/README.md. MODULES is the folder that has node_modules.
import { createRequire } from 'node:module'
import { Member } from '../member.mjs'

const require = createRequire(process.env.MODULES + '/')
const { Kafka, PartitionAssigners } = require('kafkajs')

const member = new Member()
const kafka = new Kafka({ clientId: 'groups', brokers: [member.bootstrap], logLevel: 1 })

// Its consumer cannot ask for what is committed; its administration can.
async function committed (admin, group) {
  const [{ partitions }] = await admin.fetchOffsets({ groupId: group, topics: [member.topic] })
  return partitions.map(({ partition, offset }) => [partition, offset])
}

async function consume () {
  const consumer = kafka.consumer({
    groupId: member.group,
    sessionTimeout: Number(member.session),
    heartbeatInterval: 500,
    rebalanceTimeout: 20000,
    maxWaitTimeInMs: 100,
    partitionAssigners: [PartitionAssigners.roundRobin]
  })
  const { GROUP_JOIN, REBALANCING } = consumer.events
  consumer.on(GROUP_JOIN, ({ payload }) => member.owns(payload.memberAssignment[member.topic] ?? []))
  consumer.on(REBALANCING, () => member.owns([]))
  let leaving = false
  let busy = Promise.resolve()
  const eachBatch = async ({ batch, resolveOffset }) => {
    if (leaving) return
    member.records(batch.messages.map(m => [batch.partition, m.offset]))
    resolveOffset(batch.lastOffset())
    if (member.commit === 'auto') return
    const next = (BigInt(batch.lastOffset()) + 1n).toString()
    try {
      await consumer.commitOffsets([{ topic: batch.topic, partition: batch.partition, offset: next }])
      member.committed([[batch.partition, next]])
    } catch (e) {
      member.say(`not committed ${e.message}`)
      throw e
    }
  }
  await consumer.connect()
  await consumer.subscribe({ topic: member.topic, fromBeginning: true })
  await consumer.run({
    autoCommit: member.commit === 'auto',
    autoCommitInterval: 200,
    eachBatchAutoResolve: false,
    eachBatch: batch => (busy = eachBatch(batch))
  })
  for (let command; (command = await member.command()) !== 'leave';) {
    const admin = kafka.admin()
    await admin.connect()
    member.fetched(await committed(admin, member.group))
    await admin.disconnect()
  }
  // It leaves the group within disconnect() and says nothing before that.
  leaving = true
  await busy.catch(() => {})
  member.owns([])
  await consumer.disconnect()
  member.say('left')
}

async function administer () {
  const admin = kafka.admin()
  await admin.connect()
  member.say(...(await admin.listGroups()).groups.map(g => `listed ${g.groupId} -`))
  for (const group of (await admin.describeGroups([member.live])).groups) {
    member.say(`described ${group.groupId} ${group.state} ${group.members.length} -`)
  }
  member.say(...(await committed(admin, member.group)).map(([p, o]) => `offset ${p} ${o}`))
  const partitions = Array.from({ length: Number(member.partitions) }, (_, partition) => ({ partition, offset: '1' }))
  await admin.setOffsets({ groupId: member.group, topic: member.topic, partitions })
  member.say(...(await committed(admin, member.group)).map(([p, o]) => `altered ${p} ${o}`))
  member.say('cannot delete-offsets', 'cannot remove-member')
  await admin.deleteGroups([member.group])
  member.say(...(await admin.listGroups()).groups.map(g => `still ${g.groupId}`))
  await admin.disconnect()
  member.say('left')
}

await (member.operation === 'member' ? consume() : administer())
process.exit(0)

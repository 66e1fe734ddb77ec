// kafkajs with transactions. See tests/clients/README.md. MODULES is the folder that has node_modules.
//
// It commits offsets in a transaction without saying as which member, so that the group does not fence it: whoever
// reads, transforms and writes with it needs a producer for each partition that is read. Who gets the partition
// takes over its transactional id, and begins where the last transaction of that id ended.
import { createRequire } from 'node:module'
import { Worker, values } from '../worker.mjs'

const require = createRequire(process.env.MODULES + '/')
const { Kafka } = require('kafkajs')

const worker = new Worker()
const kafka = new Kafka({ clientId: 'transactions', brokers: [worker.bootstrap], logLevel: 1 })
let producer
let transaction

async function started (transactionalId) {
  const made = kafka.producer({
    transactionalId, transactionTimeout: Number(worker.timeout), idempotent: true, maxInFlightRequests: 1
  })
  await made.connect()
  // It takes the transactional id over with its first transaction; one without records is not told to the broker.
  await (await made.transaction()).abort()
  return made
}

async function init () {
  producer = await started(worker.id)
}

async function begin () {
  transaction = await producer.transaction()
}

async function send (topic, partition, value, count) {
  const messages = values(value, count).map(value => ({ value, partition: Number(partition) }))
  await transaction.send({ topic, messages, acks: -1 })
}

async function offsets (group, topic, partition, offset) {
  const topics = [{ topic, partitions: [{ partition: Number(partition), offset }] }]
  await transaction.sendOffsets({ consumerGroupId: group, topics })
}

// It can only be a member of a group; this one has but the one reader.
async function read (level, topic, partitions, mark) {
  const consumer = kafka.consumer({
    groupId: `${worker.name}-reads-${topic}-${level}`, readUncommitted: level === 'uncommitted', maxWaitTimeInMs: 100
  })
  const seen = []
  let left = Number(partitions)
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const all = new Promise(resolve => consumer.run({
    eachMessage: async ({ partition, message }) => {
      if (!left) return
      seen.push(`${partition}/${message.value}`)
      if (String(message.value) === mark && --left === 0) resolve()
    }
  }))
  await all
  await consumer.disconnect()
  return seen.join(' ')
}

async function transform (group, input, output) {
  const consumer = kafka.consumer({
    groupId: group, sessionTimeout: 6000, heartbeatInterval: 500, rebalanceTimeout: 20000, maxWaitTimeInMs: 100,
    maxBytesPerPartition: 1000
  })
  const admin = kafka.admin()
  const producers = new Map()
  let generation = 0
  const { GROUP_JOIN, REBALANCING } = consumer.events
  for (const event of [GROUP_JOIN, REBALANCING]) {
    consumer.on(event, () => {
      generation++
      for (const made of producers.values()) made.then(p => p.disconnect(), () => {})
      producers.clear()
    })
  }
  const eachBatch = async ({ batch, resolveOffset }) => {
    const { partition } = batch
    if (!producers.has(partition)) {
      const before = generation
      const made = started(`${group}-${partition}`)
      producers.set(partition, made)
      await made
      const [{ partitions }] = await admin.fetchOffsets({ groupId: group, topics: [input] })
      const next = Math.max(0, Number(partitions.find(p => p.partition === partition)?.offset ?? 0))
      if (generation !== before) return
      if (next !== Number(batch.firstOffset())) {
        consumer.seek({ topic: input, partition, offset: String(next) })
        return
      }
    }
    try {
      await transfer(await producers.get(partition), batch, group, output)
    } catch (e) {
      producers.delete(partition)
      throw e
    }
    resolveOffset(batch.lastOffset())
  }
  await admin.connect()
  await consumer.connect()
  await consumer.subscribe({ topic: input, fromBeginning: true })
  await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch })
  await worker.command()
  await consumer.disconnect()
  await admin.disconnect()
}

async function transfer (producer, batch, group, output) {
  const next = (BigInt(batch.lastOffset()) + 1n).toString()
  const transaction = await producer.transaction()
  try {
    const messages = batch.messages.map(({ value }) => ({ value, partition: batch.partition }))
    await transaction.send({ topic: output, messages, acks: -1 })
    const topics = [{ topic: batch.topic, partitions: [{ partition: batch.partition, offset: next }] }]
    await transaction.sendOffsets({ consumerGroupId: group, topics })
    await transaction.commit()
  } catch (e) {
    await transaction.abort().catch(() => {})
    throw e
  }
}

await worker.run({
  init,
  begin,
  send,
  flush: () => {}, // A send is over when it is acknowledged.
  offsets,
  commit: () => transaction.commit(),
  abort: () => transaction.abort(),
  read,
  transform,
  close: () => producer.disconnect()
}, e => e.type ?? e.name)

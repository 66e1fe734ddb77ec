// kafkajs' producer, group member and admin client: kafkajs.mjs BOOTSTRAP, with node_modules found by MODULES.
import { createRequire } from 'node:module'
const { Kafka, CompressionTypes } = createRequire(process.env.MODULES + '/')('kafkajs')

const kafka = new Kafka({ clientId: 'walk', brokers: [process.argv[2]], logLevel: 0 })
const topic = 'walk-kafkajs'
async function attempt (what, call) {
  try { await call() } catch (e) { console.error(`${what}: ${e.message}`) }
}
const admin = kafka.admin()
await admin.connect()
await attempt('create', () => admin.createTopics({
  topics: [{ topic, numPartitions: 2, configEntries: [{ name: 'retention.ms', value: '3600000' }] }]
}))
for (const idempotent of [false, true]) {
  const producer = kafka.producer({ idempotent })
  await producer.connect()
  const messages = [0, 1, 2].map(i => ({ key: `key${i}`, value: `a value ${i}`, headers: { h: `${i}` } }))
  await attempt('produce', () => producer.send({
    topic, messages, acks: -1, compression: idempotent ? CompressionTypes.GZIP : CompressionTypes.None
  }))
  await producer.disconnect()
}
const resources = [{ type: 2, name: topic }]
await attempt('offsets', () => admin.fetchTopicOffsets(topic))
await attempt('times', () => admin.fetchTopicOffsetsByTimestamp(topic, 1))
await attempt('metadata', () => admin.fetchTopicMetadata({ topics: [topic] }))
await attempt('cluster', () => admin.describeCluster())
await attempt('configs', () => admin.describeConfigs({ resources }))
await attempt('alter', () => admin.alterConfigs({
  resources: [{ ...resources[0], configEntries: [{ name: 'retention.ms', value: '7200000' }] }]
}))
await attempt('partitions', () => admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] }))
await attempt('records', () => admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '1' }] }))
await attempt('group', () => admin.describeGroups(['no-such-group']))
const groupId = 'walk-kafkajs'
const consumer = kafka.consumer({ groupId })
await consumer.connect()
await consumer.subscribe({ topic, fromBeginning: true })
await new Promise(resolve => {
  setTimeout(resolve, 8000)
  consumer.run({ eachMessage: async ({ heartbeat }) => { await heartbeat(); resolve() } })
})
await attempt('commit', () => consumer.commitOffsets([{ topic, partition: 0, offset: '1', metadata: 'a note' }]))
await attempt('describe group', () => admin.describeGroups([groupId]))
await attempt('list groups', () => admin.listGroups())
await consumer.disconnect()
await attempt('group offsets', () => admin.fetchOffsets({ groupId, topics: [topic] }))
await attempt('alter group', () => admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '2' }] }))
await attempt('delete group', () => admin.deleteGroups([groupId]))
await attempt('delete', () => admin.deleteTopics({ topics: [topic] }))
await admin.disconnect()

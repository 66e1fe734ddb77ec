// @platformatic/kafka, which only produces here: its consumer needs a group. See tests/clients/README.md.
// MODULES is the folder that has node_modules.
import { pathToFileURL } from 'node:url'
import { batches, main } from '../jobs.mjs'

const entry = process.env.MODULES + '/node_modules/@platformatic/kafka/dist/index.js'
const { Producer } = await import(pathToFileURL(entry))

async function produce (bootstrap, job) {
  const producer = new Producer({
    clientId: 'round-trip', bootstrapBrokers: [bootstrap], idempotent: job.idempotent === '1'
  })
  try {
    for (const batch of batches(job)) {
      const messages = batch.map(record => ({ topic: job.topic, ...record }))
      await producer.send({ messages, acks: -1, compression: job.codec })
    }
  } finally {
    await producer.close()
  }
}

await main(produce)

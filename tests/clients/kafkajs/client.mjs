// kafkajs, which only produces here: its consumer needs a group. See tests/clients/README.md.
// MODULES is the folder that has node_modules.
import { createRequire } from 'node:module'
import { batches, main } from '../jobs.mjs'

const require = createRequire(process.env.MODULES + '/')
const { Kafka, CompressionCodecs, CompressionTypes } = require('kafkajs')
const lz4 = require('lz4-napi')
const zstd = require('@bokuweb/zstd-wasm')

// kafkajs has gzip built in; the others are plugged in, as its users do.
CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy')
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: encoder => lz4.compressFrame(encoder.buffer),
  decompress: buffer => lz4.decompressFrame(buffer)
})
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async encoder => Buffer.from(zstd.compress(encoder.buffer)),
  decompress: async buffer => Buffer.from(zstd.decompress(buffer))
})
const TYPES = { none: 'None', gzip: 'GZIP', snappy: 'Snappy', lz4: 'LZ4', zstd: 'ZSTD' }

async function produce (bootstrap, job) {
  const kafka = new Kafka({ clientId: 'round-trip', brokers: [bootstrap], logLevel: 1 })
  const producer = kafka.producer({ idempotent: job.idempotent === '1' })
  await producer.connect()
  try {
    const compression = CompressionTypes[TYPES[job.codec]]
    for (const messages of batches(job)) {
      await producer.send({ topic: job.topic, messages, acks: -1, compression })
    }
  } finally {
    await producer.disconnect()
  }
}

await zstd.init()
await main(produce)

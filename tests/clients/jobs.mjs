// What the Node clients share: jobs from the command line, records in batches (see README.md).
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'

const BATCH_RECORDS = 5000
const BATCH_BYTES = 1 << 20

function * lines (file) {
  const data = readFileSync(file)
  for (let start = 0, end; (end = data.indexOf(10, start)) >= 0; start = end + 1) {
    yield data.subarray(start, end)
  }
}

function * chunks (file) {
  const fd = openSync(file)
  for (const size of readFileSync(file + '.sizes', 'utf8').trim().split('\n').map(Number)) {
    const chunk = Buffer.alloc(size)
    readSync(fd, chunk, 0, size, null)
    yield chunk
  }
  closeSync(fd)
}

// Arrays of { value, partition }, each of a size that one request may have.
export function * batches (job) {
  let batch = []
  let bytes = 0
  let number = 0
  for (const value of (job.mode === 'lines' ? lines : chunks)(job.file)) {
    if (batch.length >= BATCH_RECORDS || (batch.length > 0 && bytes + value.length > BATCH_BYTES)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push({ value, partition: number++ % job.partitions })
    bytes += value.length
  }
  if (batch.length > 0) yield batch
}

export async function main (produce) {
  for (const text of process.argv.slice(3)) {
    const job = Object.fromEntries(text.split(',').map(pair => pair.split('=')))
    try {
      if (job.op !== 'produce') throw new Error('reading without a group is not in its public API')
      await produce(process.argv[2], job)
      console.log(`ok ${job.topic}`)
    } catch (e) {
      console.log(`error ${job.topic} ${e.message} ${(e.errors ?? []).map(x => x.message)}`)
    }
  }
}

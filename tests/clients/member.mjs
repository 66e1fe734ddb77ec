// What the Node members of a group share: options, output and commands (see README.md, "A member").
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'

export class Member {
  constructor () {
    this.bootstrap = process.argv[2]
    this.operation = process.argv[3]
    for (const pair of process.argv.slice(4)) {
      const at = pair.indexOf('=')
      this[pair.slice(0, at)] = pair.slice(at + 1)
    }
    this.queue = []
    this.wake = () => {}
    const add = line => {
      this.queue.push(line)
      this.wake()
    }
    createInterface({ input: process.stdin }).on('line', add).on('close', () => add('leave'))
  }

  // The next command from the test.
  async command () {
    while (!this.queue.length) await new Promise(resolve => { this.wake = resolve })
    return this.queue.shift()
  }

  // Each with this member's name, all in one write: the output's file has several writers.
  say (...lines) {
    if (lines.length) writeSync(1, lines.map(line => `${this.name} ${line}\n`).join(''))
  }

  owns (partitions) {
    this.say('owns ' + ([...partitions].sort((a, b) => a - b).join(',') || '-'))
  }

  records (pairs) {
    this.say(...pairs.map(([partition, offset]) => `record ${partition} ${offset}`))
  }

  committed (pairs) {
    this.say(...pairs.map(([partition, offset]) => `committed ${partition} ${offset}`))
  }

  fetched (pairs) {
    this.say(...pairs.map(([partition, offset]) => `fetched ${partition} ${offset}`), 'fetched')
  }
}

// What the Node programs of transactions share: options, commands and answers (see README.md, "Transactions").
import { createInterface } from 'node:readline'

export class Worker {
  constructor () {
    this.bootstrap = process.argv[2]
    for (const pair of process.argv.slice(3)) {
      const at = pair.indexOf('=')
      this[pair.slice(0, at)] = pair.slice(at + 1)
    }
    this.queue = []
    this.wake = () => {}
    createInterface({ input: process.stdin }).on('line', line => {
      this.queue.push(line.split(' '))
      this.wake()
    }).on('close', () => process.exit(0))
  }

  async command () {
    while (!this.queue.length) await new Promise(resolve => { this.wake = resolve })
    return this.queue.shift()
  }

  // Answers each command with what its function returns, or with the error's name.
  async run (commands, nameOf) {
    for (;;) {
      const [command, ...words] = await this.command()
      let line
      try {
        line = `ok ${await commands[command](...words) ?? ''}`
      } catch (e) {
        console.error(e)
        line = `error ${nameOf(e)} ${e.message}`
      }
      console.log(line.replaceAll('\n', ' '))
    }
  }
}

export const values = (value, count) => Array.from({ length: Number(count) }, (_, i) => `${value}.${i}`)

import { readFileSync, writeFileSync } from 'node:fs'
import { writeModel } from './src/model.ts'
import { accuracy, readTickets, SETTINGS, split, train } from './src/training.ts'

const here = import.meta.dirname
const { train: trained, heldOut } = split(readTickets(readFileSync(`${here}/data/tickets.tsv`, 'utf8')))
const model = train(trained, SETTINGS)
writeFileSync(`${here}/model/intents.model`, writeModel(model))
for (const [name, tickets] of Object.entries({ trained, 'held out': heldOut })) {
  const { right, of } = accuracy(model, tickets)
  console.log(`${name}: ${right} of ${of} tickets right (${((100 * right) / of).toFixed(1)} %)`)
}
console.log(`model/intents.model: version ${model.version}, ${model.intents.length} intents, ${model.buckets} buckets`)

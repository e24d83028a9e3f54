// The test service with failures by chance instead of every n-th, as a healthy service has them. CHANCE: per cent of the answers.
// The service turns ERRORS into a number for every answer, which is when the dice are thrown.
const chance = Number(process.env.CHANCE)
const ERRORS = { valueOf: () => (Math.random() * 100 < chance ? 100 : 0) }
process.env = { ...process.env, FAULT: 'errors', ERRORS }
await import('/shop.mjs')

// Names what failed in the reports of vitest given as arguments, and counts. The last line is "N passed, N failed".
// What failed comes last in the output, because a long log is kept by its end.
const { readFileSync } = require('node:fs')
const { relative } = require('node:path')

const MESSAGE_LENGTH = 800
const reports = process.argv.slice(2).map((file) => JSON.parse(readFileSync(file, 'utf8')))
const files = reports.flatMap(({ testResults }) => testResults)
const isFailed = ({ status }) => status === 'failed'
const say = (file, title, message) =>
  console.log(`FAILED ${relative(process.cwd(), file)} > ${title}\n${(message ?? '').slice(0, MESSAGE_LENGTH)}\n`)

for (const { name, assertionResults } of files)
  for (const { fullName, failureMessages } of assertionResults.filter(isFailed))
    say(name, fullName, failureMessages?.[0])

// What is asserted after the last test of a file belongs to no test, and counts as one of its own where it fails.
const afterwards = files.filter((file) => isFailed(file) && !file.assertionResults.some(isFailed))
for (const { name, message } of afterwards) say(name, '(around the tests)', message)

const sum = (of) => reports.reduce((total, report) => total + of(report), 0)
const passed = sum(({ numPassedTests }) => numPassedTests)
const failed = sum(({ numFailedTests }) => numFailedTests)
const left = sum(({ numTotalTests }) => numTotalTests) - passed - failed
console.log(`${passed} passed, ${failed + afterwards.length} failed${left ? `, ${left} skipped` : ''}`)

/** Milliseconds that this process computes during the action. Other than the time that passes, they hardly depend on what else the machine does. */
export const cpuMillisOf = async (action: () => unknown) => {
  const before = process.cpuUsage()
  await action()
  const { system, user } = process.cpuUsage(before)
  return (system + user) / 1000
}

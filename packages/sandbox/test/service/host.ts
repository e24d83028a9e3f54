import { startCluster } from '../cluster.ts'

/** A process with a sandbox of its own: prints the process id of its pod and stays until it is killed. */
const main = async (): Promise<void> => {
  const cluster = await startCluster()
  await cluster.deploy('orphan', 1)
  await cluster.available('orphan', 1)
  const [pod] = await cluster.pods('orphan')
  console.log(/-(\d+)-\d+$/.exec(String(pod?.status?.containerStatuses?.[0]?.containerID))?.[1])
}

void main()

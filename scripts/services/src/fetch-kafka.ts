/** Gets Kafka's jars before anybody waits for them. */
import { fetchKafka } from './kafka.ts'

await fetchKafka()

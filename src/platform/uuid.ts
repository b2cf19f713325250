/** UUIDs of version 7, which begin with the time: new ones are next to each other in an index, so that few of its pages change. */
export const timeOrderedUuid = (): string => Bun.randomUUIDv7()

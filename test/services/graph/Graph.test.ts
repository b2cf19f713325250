/** The graph found in few calls is the same as that of a search through all relations. */
import { describe, expect } from "bun:test"
import { Effect, Layer } from "effect"
import * as fc from "fast-check"
import type { GraphQuery } from "../../../src/domain/Graph.ts"
import type { EntityType } from "../../../src/domain/Ids.ts"
import { Settings } from "../../../src/config/Settings.ts"
import { Graph } from "../../../src/services/graph/Graph.ts"
import { effect } from "../../support/effectTest.ts"
import { stubThingsBoard } from "../../support/stubThingsBoard.ts"
import { type RelationGraph, stubRelations } from "../../support/stubRelations.ts"

const idOf = (n: number) => `784f394c-42b6-435a-983c-${String(n).padStart(12, "0")}`

const around = Effect.fnUntraced(function* (net: RelationGraph, query: Partial<GraphQuery> & Pick<GraphQuery, "root">) {
  const { calls, post } = stubRelations(net)
  const graph = yield* Effect.provide(
    Graph,
    yield* Layer.build(Layer.fresh(Graph.layer).pipe(Layer.provide(Layer.merge(stubThingsBoard({ post }), Settings.layerTest()))))
  )
  const defaults = { maxDepth: 2, direction: "BOTH", types: [], relationTypes: [], nodeLimit: 1000 } as const
  return { calls, found: yield* graph.around({ ...defaults, ...query }) }
})

const edgeText = ({ from, relation_type, to }: { from: string; to: string; relation_type: string }) => `${from} ${relation_type} ${to}`

/** The expected depths, found by following one relation after the other. */
const searchAll = ({ edges, nodes }: RelationGraph, { direction, maxDepth, readsUsers, relationTypes, root }: GraphQuery) => {
  const isHidden = (node: RelationGraph["nodes"][number]) =>
    node.isHidden === true || (readsUsers !== true && node.entityType === "CUSTOMER")
  const hidden = new Set(nodes.filter(isHidden).map(({ id }) => id))
  const followed = edges.filter(
    ({ from, to, type }) => !hidden.has(from) && !hidden.has(to) && (relationTypes.length === 0 || relationTypes.includes(type))
  )
  const depths = new Map([[root.id, 0]])
  for (let depth = 0; depth < maxDepth; depth++) {
    for (const { from, to } of followed) {
      for (const [near, far] of [
        [from, to],
        [to, from]
      ] as const) {
        if (near === from ? direction === "TO" && from !== to : direction === "FROM") continue
        if (depths.get(near) === depth && !depths.has(far)) depths.set(far, depth + 1)
      }
    }
  }
  return { depths, followed }
}

const types = ["DEVICE", "ASSET", "CUSTOMER"] as const satisfies ReadonlyArray<EntityType>

const anyGraph = fc
  .record({
    size: fc.integer({ min: 1, max: 24 }),
    pairs: fc.array(fc.tuple(fc.nat(), fc.nat(), fc.constantFrom("Contains", "Manages")), { maxLength: 40 }),
    hidden: fc.array(fc.nat(), { maxLength: 3 }),
    kinds: fc.array(fc.constantFrom(...types), { minLength: 24, maxLength: 24 })
  })
  .map(({ hidden, kinds, pairs, size }): RelationGraph => {
    const edges = pairs.map(([from, to, type]) => ({ from: idOf(from % size), to: idOf(to % size), type }))
    return {
      nodes: Array.from({ length: size }, (_, n) => ({
        id: idOf(n),
        entityType: kinds[n]!,
        isHidden: n > 0 && hidden.some((index) => index % size === n),
        isUnnamed: n % 5 === 4
      })),
      edges: [...new Map(edges.map((edge) => [`${edge.from} ${edge.to} ${edge.type}`, edge])).values()]
    }
  })

const anyQuery = fc.record({
  maxDepth: fc.integer({ min: 1, max: 5 }),
  direction: fc.constantFrom("FROM" as const, "TO" as const, "BOTH" as const),
  relationTypes: fc.constantFrom([], ["Contains"]),
  types: fc.constantFrom([], ["DEVICE" as const]),
  readsUsers: fc.boolean(),
  nodeLimit: fc.oneof(fc.constant(1000), fc.integer({ min: 1, max: 8 }))
})

effect(
  "returns nodes with their shortest distance and every relation between them once, in any graph, with customers or without",
  () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(anyGraph, anyQuery, async (given, parts) => {
          const root = { id: given.nodes[0]!.id, entityType: given.nodes[0]!.entityType }
          const query: GraphQuery = { ...parts, root }
          if (root.entityType === "CUSTOMER" && !query.readsUsers) {
            const error = await Effect.runPromise(Effect.scoped(Effect.flip(around(given, query))))
            expect(error).toMatchObject({ _tag: "EntityNotFound", ...root })
            return
          }
          const { found } = await Effect.runPromise(Effect.scoped(around(given, query)))
          const { depths, followed } = searchAll(given, query)
          const typeOf = new Map(given.nodes.map(({ entityType, id }) => [id, entityType]))
          const isIncluded = (id: string) => id === root.id || query.types.length === 0 || query.types.includes(typeOf.get(id) as "DEVICE")
          const expected = new Map([...depths].filter(([id]) => isIncluded(id)))
          expect(found.truncated).toBe(expected.size > query.nodeLimit)
          expect(found.nodes_found).toBeLessThanOrEqual(expected.size)
          expect(found.nodes_found > found.nodes.length).toBe(found.truncated)
          for (const { depth, id, name, type } of found.nodes)
            expect([depth, name, type]).toEqual([expected.get(id)!, `name of ${id.slice(-4)}`, typeOf.get(id)!])
          const ids = new Set<string>(found.nodes.map(({ id }) => id))
          expect(ids.size).toBe(found.nodes.length)
          if (!found.truncated) expect(ids).toEqual(new Set(expected.keys()))
          else {
            expect(ids.size).toBeLessThanOrEqual(query.nodeLimit)
            const farthest = Math.max(...found.nodes.map(({ depth }) => depth))
            for (const [id, depth] of expected) if (depth < farthest) expect(ids.has(id)).toBe(true)
          }
          const expectedEdges = followed.filter(({ from, to }) => ids.has(from) && ids.has(to))
          expect(found.edges.map(edgeText).toSorted()).toEqual(
            expectedEdges.map(({ from, to, type }) => edgeText({ from, to, relation_type: type })).toSorted()
          )
        }),
        { numRuns: 1500 }
      )
    ),
  120_000
)

/** A building of 5 floors, 50 rooms and 1,000 devices; each floor has a gateway that manages its devices. */
const building = (): RelationGraph => {
  const nodes: Array<RelationGraph["nodes"][number]> = [{ id: idOf(0), entityType: "ASSET" }]
  const edges: Array<RelationGraph["edges"][number]> = []
  const add = (entityType: EntityType, parent: string, type = "Contains") => {
    const id = idOf(nodes.length)
    nodes.push({ id, entityType })
    edges.push({ from: parent, to: id, type })
    return id
  }
  for (let floor = 0; floor < 5; floor++) {
    const floorId = add("ASSET", idOf(0))
    const gateway = add("DEVICE", floorId)
    for (let room = 0; room < 10; room++) {
      const roomId = add("ASSET", floorId)
      for (let n = 0; n < 20; n++) edges.push({ from: gateway, to: add("DEVICE", roomId), type: "Manages" })
    }
  }
  return { nodes, edges }
}

describe("the number of calls does not grow with the number of nodes", () => {
  const site = building()
  const device = site.nodes.at(-1)!
  const cases = {
    "down from the building": [{ root: site.nodes[0]!, direction: "FROM", maxDepth: 4 }, 1061, 8],
    "around the building": [{ root: site.nodes[0]!, direction: "BOTH", maxDepth: 3 }, 1061, 20],
    "up from a device": [{ root: device, direction: "TO", maxDepth: 10 }, 5, 8],
    "around a device, with its siblings": [{ root: device, direction: "BOTH", maxDepth: 2 }, 203, 25],
    "around a device, to the maximum depth": [{ root: device, direction: "BOTH", maxDepth: 10 }, 1061, 40]
  } as const
  for (const [name, [query, nodes, maxCalls]] of Object.entries(cases)) {
    effect(name, () =>
      Effect.gen(function* () {
        const { calls, found } = yield* around(site, { ...query, nodeLimit: 2000 })
        expect(found.nodes.length).toBe(nodes)
        expect(calls.length).toBeLessThanOrEqual(maxCalls)
      })
    )
  }
})

effect(
  "takes one walk of exactly the requested depth, one query per type and 1,000 outermost nodes for relations among them, and one for the root's name",
  () =>
    Effect.gen(function* () {
      const site = building()
      for (const [maxDepth, nodes, queries] of [
        [1, 6, 1], // floors
        [2, 61, 2], // rooms and gateways
        [3, 1061, 1] // 1,000 devices
      ] as const) {
        const { calls, found } = yield* around(site, { root: site.nodes[0]!, direction: "FROM", maxDepth, nodeLimit: 2000 })
        expect([maxDepth, found.nodes.length]).toEqual([maxDepth, nodes])
        expect(calls.filter((call) => call.startsWith("walk"))).toEqual([`walk FROM ${maxDepth}`])
        expect(calls.filter((call) => call === "relationsQuery").length).toBe(queries)
        expect(calls.filter((call) => call === "entityList").length).toBe(1)
      }
    })
)

effect("finds relations among many outermost nodes in one walk more", () =>
  Effect.gen(function* () {
    const ring = Array.from({ length: 100 }, (_, n) => ({ id: idOf(n + 1), entityType: "DEVICE" as const }))
    const given: RelationGraph = {
      nodes: [{ id: idOf(0), entityType: "ASSET" }, ...ring],
      edges: ring.flatMap(({ id }, n) => [
        { from: idOf(0), to: id, type: "Contains" },
        { from: id, to: ring[(n + 1) % 100]!.id, type: "Manages" }
      ])
    }
    const { calls, found } = yield* around(given, { root: given.nodes[0]!, direction: "FROM", maxDepth: 1 })
    expect([found.nodes.length, found.edges.length]).toEqual([101, 200])
    expect(calls).toEqual(["entityList", "walk FROM 1", "relationsQuery", "walk FROM 2"])
  })
)

effect("counts only nodes of the requested types, says how many it found, and marks those with missing neighbors", () =>
  Effect.gen(function* () {
    const site = building()
    const root = site.nodes[0]!
    const devices = yield* around(site, { root, direction: "FROM", maxDepth: 3, types: ["DEVICE"], nodeLimit: 1000 })
    expect([devices.found.nodes.length, devices.found.nodes_found, devices.found.truncated]).toEqual([1000, 1006, true])
    expect(devices.found.nodes.every(({ id, type }) => type === "DEVICE" || id === root.id)).toBe(true)
    const all = yield* around(site, { root, direction: "FROM", maxDepth: 2, nodeLimit: 10 })
    expect([all.found.nodes.length, all.found.nodes_found, all.found.truncated]).toEqual([10, 61, true])
    expect(all.found.nodes.filter(({ truncated }) => truncated).every(({ depth }) => depth === 1)).toBe(true)
    expect(all.found.nodes.filter(({ truncated }) => truncated).length).toBe(5)
  })
)

effect("a missing or hidden root is not found; a root without relations is a single node", () =>
  Effect.gen(function* () {
    const given: RelationGraph = {
      nodes: [
        { id: idOf(0), entityType: "DEVICE" },
        { id: idOf(1), entityType: "DEVICE", isHidden: true }
      ],
      edges: [{ from: idOf(0), to: idOf(1), type: "Contains" }]
    }
    for (const id of [idOf(1), idOf(9)])
      expect(yield* Effect.flip(around(given, { root: { id, entityType: "DEVICE" } }))).toMatchObject({ _tag: "EntityNotFound", id })
    const { calls, found } = yield* around(given, { root: { id: idOf(0).toUpperCase(), entityType: "DEVICE" }, maxDepth: 0 })
    expect([found.nodes.map(({ id }) => String(id)), found.edges, found.truncated, calls]).toEqual([[idOf(0)], [], false, ["entityList"]])
  })
)

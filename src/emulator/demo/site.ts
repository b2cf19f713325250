/** The demo's building: floors, rooms, and what hangs on their walls. */
export interface DemoDevice {
  readonly name: string
  readonly type: "thermostat" | "energy meter" | "air quality" | "door contact" | "pump"
  readonly label: string | null
  /** The room or floor it is in. */
  readonly place: string
  /** How long ago it was put up, in days; thirty days of data are the most there are. */
  readonly age: number
  /** Days since it was last heard of. */
  readonly silent: number
}

export interface DemoPlace {
  readonly name: string
  readonly type: "building" | "floor" | "room"
  readonly within: string | undefined
}

const building = "Harbour House"
const floors: Record<string, ReadonlyArray<string>> = {
  "Ground floor": ["Lobby", "Café", "Plant room"],
  "First floor": ["Office 101", "Office 102", "Meeting room Ada", "Print room"],
  "Second floor": ["Office 201", "Office 202", "Meeting room Grace"],
  "Third floor": ["Lab", "Workshop"]
}

export const places: ReadonlyArray<DemoPlace> = [
  { name: building, type: "building", within: undefined },
  ...Object.entries(floors).flatMap(([floor, rooms]) => [
    { name: floor, type: "floor" as const, within: building },
    ...rooms.map((room) => ({ name: room, type: "room" as const, within: floor }))
  ])
]

const device = (name: string, type: DemoDevice["type"], place: string, more: Partial<DemoDevice> = {}): DemoDevice => ({
  name,
  type,
  label: place,
  place,
  age: 30,
  silent: 0,
  ...more
})

const heated = [
  "Lobby",
  "Café",
  "Office 101",
  "Office 102",
  "Meeting room Ada",
  "Office 201",
  "Office 202",
  "Meeting room Grace",
  "Lab",
  "Workshop"
]

/** Twenty-five devices of five types. */
export const devices: ReadonlyArray<DemoDevice> = [
  ...heated.map((room) => device(`Thermostat ${room}`, "thermostat", room)),
  ...Object.keys(floors).map((floor) => device(`Meter ${floor}`, "energy meter", floor)),
  device("Main meter", "energy meter", "Plant room"),
  device("Air Office 101", "air quality", "Office 101"),
  device("Air Office 201", "air quality", "Office 201"),
  device("Air Meeting room Ada", "air quality", "Meeting room Ada"),
  device("Air Lab", "air quality", "Lab", { age: 9, label: null }),
  device("Door Lobby", "door contact", "Lobby"),
  device("Door Plant room", "door contact", "Plant room", { silent: 3 }),
  device("Door Lab", "door contact", "Lab"),
  device("Door Workshop", "door contact", "Workshop"),
  device("Pump 1", "pump", "Plant room"),
  device("Pump 2", "pump", "Plant room")
]

/** The customer on the second floor sees its own devices only. */
export const customer = {
  title: "Tide & Partners",
  email: "customer@thingsboard.org",
  password: "customer",
  floor: "Second floor"
}

export const floorOf = (place: string): string =>
  floors[place] === undefined ? (places.find(({ name }) => name === place)?.within ?? place) : place

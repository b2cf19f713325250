/** The demo site: a building with its floors, rooms and devices. */
export interface DemoDevice {
  readonly id: string
  readonly name: string
  readonly type: "thermostat" | "energy meter" | "air quality" | "door contact" | "pump" | "gateway"
  readonly label: string | null
  /** The room or floor of the device. */
  readonly place: string
  /** Days since its installation. The history is at most thirty days long. */
  readonly ageDays: number
  /** Days since its last report; 0 for a device that still reports. */
  readonly silentDays: number
}

export interface DemoPlace {
  readonly id: string
  readonly name: string
  readonly type: "building" | "floor" | "room"
  readonly parent: string | undefined
}

/** Ids are the same in every demo, so that documentation and examples can use them. */
const idOf = (first: "a" | "c" | "d", n: number) => `${first}0000000-0000-11f0-8000-${String(n).padStart(12, "0")}`

const building = "Harbour House"
const floors: Record<string, ReadonlyArray<string>> = {
  "Ground floor": ["Lobby", "Café", "Plant room"],
  "First floor": ["Office 101", "Office 102", "Meeting room Ada", "Print room"],
  "Second floor": ["Office 201", "Office 202", "Meeting room Grace"],
  "Third floor": ["Lab", "Workshop"]
}

type WithId<A> = (id: string) => A

const place =
  (name: string, type: DemoPlace["type"], parent?: string): WithId<DemoPlace> =>
  (id) => ({ id, name, type, parent })

const rooms = ([floor, names]: readonly [string, ReadonlyArray<string>]) =>
  [place(floor, "floor", building)].concat(names.map((room) => place(room, "room", floor)))

/** Parents come before their children. */
export const places: ReadonlyArray<DemoPlace> = [place(building, "building")]
  .concat(Object.entries(floors).flatMap(rooms))
  .map((withId, i) => withId(idOf("a", i + 1)))

const device =
  (name: string, type: DemoDevice["type"], where: string, overrides: Partial<DemoDevice> = {}): WithId<DemoDevice> =>
  (id) => ({ id, name, type, label: where, place: where, ageDays: 30, silentDays: 0, ...overrides })

const heatedRooms = [
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

/** Add new devices at the end, so that the ids of the others stay the same. */
const installed: ReadonlyArray<WithId<DemoDevice>> = [
  ...heatedRooms.map((room) => device(`Thermostat ${room}`, "thermostat", room)),
  ...Object.keys(floors).map((floor) => device(`Meter ${floor}`, "energy meter", floor)),
  device("Main meter", "energy meter", "Plant room"),
  device("Air Office 101", "air quality", "Office 101"),
  device("Air Office 201", "air quality", "Office 201"),
  device("Air Meeting room Ada", "air quality", "Meeting room Ada"),
  device("Air Lab", "air quality", "Lab", { ageDays: 9, label: null }),
  device("Door Lobby", "door contact", "Lobby"),
  device("Door Plant room", "door contact", "Plant room", { silentDays: 3 }),
  device("Door Lab", "door contact", "Lab"),
  device("Door Workshop", "door contact", "Workshop"),
  device("Pump 1", "pump", "Plant room"),
  device("Pump 2", "pump", "Plant room"),
  device("Radio gateway", "gateway", "Plant room")
]

/** Twenty-five devices of five types, and the gateway that connects the battery-powered ones. */
export const devices: ReadonlyArray<DemoDevice> = installed.map((withId, i) => withId(idOf("d", i + 1)))

/** The thermostat in Office 101, which the examples in the API's documentation are about. */
export const exampleDeviceId = idOf("d", 3)

/** Battery-powered devices connect through the gateway. */
export const isManagedByGateway = ({ type }: DemoDevice) => type === "air quality" || type === "door contact"

/** The customer on the second floor, whose users see only the devices there. */
export const customer = {
  id: idOf("c", 1),
  title: "Tide & Partners",
  email: "customer@thingsboard.org",
  password: "customer",
  floor: "Second floor"
}

export const floorOf = (place: string): string =>
  floors[place] === undefined ? (places.find(({ name }) => name === place)?.parent ?? place) : place

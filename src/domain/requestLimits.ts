/** How much one request may ask for at the most, however the gateway is configured. */
export const maxKeysLimit = 10_000
export const maxDevicesLimit = 100_000

/** MAX_KEYS_PER_REQUEST and MAX_DEVICES_PER_REQUEST unless they are set. */
export const defaultMaxKeys = 1000
export const defaultMaxDevices = 10_000

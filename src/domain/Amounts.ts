/** How much one request may ask for at the most, however the gateway is configured. */
export const mostKeys = 10_000
export const mostDevices = 100_000

/** MAX_KEYS_PER_REQUEST and MAX_DEVICES_PER_REQUEST unless they are set. */
export const usualKeys = 1000
export const usualDevices = 10_000

/** How much one request may ask for at the most, however the gateway is configured. */
export const mostKeys = 10_000
export const mostDevices = 100_000

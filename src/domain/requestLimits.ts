/**
 * Limits on one request. These are the highest values that MAX_KEYS_PER_REQUEST and MAX_DEVICES_PER_REQUEST can be set to, and the
 * limits of the request schemas.
 */
export const maxKeysLimit = 10_000
export const maxDevicesLimit = 100_000

/** Defaults of MAX_KEYS_PER_REQUEST and MAX_DEVICES_PER_REQUEST. */
export const defaultMaxKeys = 1000
export const defaultMaxDevices = 10_000

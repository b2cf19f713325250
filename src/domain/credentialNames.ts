/**
 * Which fields of an entity hold credentials, by their names. Names in ThingsBoard's `additionalInfo` and transport configurations are free
 * text, so the rule also knows other spellings: case, accents, `camelCase` and separators do not matter, and neither do digits at the end.
 * docs/security.md lists the table; a test compares the two.
 */

/** Found anywhere in a name. */
export const credentialParts: ReadonlyArray<string> = [
  // Passwords
  "password",
  "passwd",
  "passphrase",
  "passcode",
  "passwort",
  "kennwort",
  "contrasena",
  "motdepasse",
  // Secrets, tokens and whole credentials
  "secret",
  "token",
  "credential",
  "authorization",
  "bearer",
  "cookie",
  "sessionid",
  "connectionstring",
  "sharedaccess",
  "mnemonic",
  "seedphrase",
  // Keys and certificates; every name that ends in `key` is also covered
  "apikey",
  "accesskey",
  "appkey",
  "authkey",
  "clientkey",
  "devicekey",
  "encryptionkey",
  "masterkey",
  "networkkey",
  "privatekey",
  "privkey",
  "publickey",
  "serverkey",
  "sessionkey",
  "sharedkey",
  "signingkey",
  "sshkey",
  "symmetrickey",
  "certificate",
  "keystore",
  "truststore",
  "keytab",
  // Codes
  "accesscode",
  "activationcode",
  "alarmcode",
  "authcode",
  "backupcode",
  "doorcode",
  "gatecode",
  "installcode",
  "lockcode",
  "onetimecode",
  "pairingcode",
  "pincode",
  "recoverycode",
  "securitycode",
  "setupcode",
  "simpin",
  "verificationcode",
  // SNMP and user names
  "community",
  "securityname",
  "username",
  "loginname"
]

/** A whole word of a name: `auth` in `httpAuth`, but not in `author`. */
export const credentialWords: ReadonlyArray<string> = [
  "auth",
  "cert",
  "certs",
  "cred",
  "creds",
  "hmac",
  "jks",
  "jwt",
  "otp",
  "p12",
  "pem",
  "pfx",
  "pkcs12",
  "psk",
  "puk",
  "pw",
  "pwd",
  "sas",
  "totp"
]

/** At the end of a name; `key` and `keys` only behind something else. */
export const credentialEndings: ReadonlyArray<string> = ["key", "keys", "login", "pass", "psk", "pwd"]

/** The whole name. */
export const credentialNames: ReadonlyArray<string> = ["pin"]

/** Endings that would be taken for credentials: names of telemetry and attributes, and words that end in `pass`. */
export const harmlessEndings: ReadonlyArray<string> = [
  "attributekey",
  "attributekeys",
  "attributeskeys",
  "telemetrykey",
  "telemetrykeys",
  "timeserieskey",
  "timeserieskeys",
  "sortkey",
  "groupkey",
  "allpass",
  "bandpass",
  "bypass",
  "compass",
  "highpass",
  "lowpass",
  "overpass",
  "underpass"
]

const parts = new RegExp(credentialParts.join("|"))
const words = new RegExp(`(?:^|_)(?:${credentialWords.join("|")})\\d*(?:_|$)`)
const endings = new RegExp(`(?:${credentialEndings.join("|")})\\d*$`)
const isHarmless = new RegExp(`(?:^keys?|${harmlessEndings.join("|")})\\d*$`)
const whole = new RegExp(`^(?:${credentialNames.join("|")})\\d*$`)

/** `wifiPSK`, `wifi-psk` and `Wifi PSK` become `wifi_psk`. */
const toWords = (name: string): string =>
  name
    .normalize("NFKD")
    .replaceAll(/\p{M}|\p{Cf}/gu, "")
    .replaceAll(/(\p{Ll}|\d)(\p{Lu})/gu, "$1_$2")
    .replaceAll(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1_$2")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, "_")

/** Whether a field of this name holds credentials. */
export const isCredentialName = (name: string): boolean => {
  const spelled = toWords(name)
  const letters = spelled.replaceAll("_", "")
  return parts.test(letters) || words.test(spelled) || whole.test(letters) || (endings.test(letters) && !isHarmless.test(letters))
}

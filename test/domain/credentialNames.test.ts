/** Which field names hold credentials, in the spellings that integrations use, and which do not. */
import { describe, expect, test } from "bun:test"
import {
  credentialEndings,
  credentialNames,
  credentialParts,
  credentialWords,
  harmlessEndings,
  isCredentialName
} from "../../src/domain/credentialNames.ts"

const credentials = [
  ["password", "Password", "PASSWORD", "pass_word", "dbPassword", "user.password", "password2", "passwordHash", "pässword", "PaSsWoRd"],
  ["passwd", "pass", "authPass", "wifipass", "privPass", "pwd", "adminPwd", "rootpwd", "pw", "PW", "passphrase", "pass-phrase"],
  ["authenticationPassphrase", "privacyPassphrase", "auth_passphrase", "passcode", "secret", "clientSecret", "client_secret", "SECRET_1"],
  [
    "provisionDeviceSecret",
    "clientSecretKey",
    "provisionDeviceKey",
    "token",
    "accessToken",
    "access_token",
    "x-auth-token",
    "refreshtoken"
  ],
  [
    "apiKey",
    "api_key",
    "apikey",
    "API-KEY",
    "API Key",
    "X-API-Key",
    "apiKeyValue",
    "privateKey",
    "private_key",
    "privateKeyPem",
    "PRIVATE.KEY"
  ],
  [
    "serverPublicKey",
    "clientPublicKeyOrId",
    "serverCertificate",
    "certificateValue",
    "certificateRegExPattern",
    "cert",
    "clientCert",
    "pem"
  ],
  [
    "credentials",
    "credentialsId",
    "credentialsValue",
    "creds",
    "mqttCreds",
    "community",
    "snmpCommunity",
    "read_community",
    "communityString"
  ],
  [
    "username",
    "userName",
    "user_name",
    "db_username",
    "securityName",
    "login",
    "ftpLogin",
    "loginName",
    "auth",
    "httpAuth",
    "authorization"
  ],
  [
    "appKey",
    "nwkSKey",
    "appSKey",
    "AppSKey",
    "primaryKey",
    "accountKey",
    "ssh_key",
    "sshKeys",
    "psk",
    "wifiPSK",
    "wpa_psk",
    "preSharedKey"
  ],
  [
    "connectionString",
    "sharedAccessSignature",
    "sasToken",
    "bearer",
    "jwt",
    "sessionId",
    "cookie",
    "Set-Cookie",
    "otp",
    "totpSeed",
    "hmac"
  ],
  ["pin", "PIN", "simPin", "pinCode", "puk", "accessCode", "door_code", "unlockCode", "installCode", "keystore", "pfx", "client.p12"],
  ["comm\u0075nity", "pass\u200bword", "ｐａｓｓｗｏｒｄ"]
].flat()

const others = [
  ["id", "entityType", "createdTime", "tenantId", "customerId", "name", "type", "label", "deviceProfileId", "assetProfileId", "firmwareId"],
  ["softwareId", "externalId", "version", "additionalInfo", "deviceData", "configuration", "transportConfiguration", "customerTitle"],
  ["customerIsPublic", "deviceProfileName", "assetProfileName", "active", "gateway", "overwriteActivityTime", "description", "image"],
  ["lastConnectedGateway", "defaultDashboardId", "transportType", "ownerId", "ownerName", "host", "port", "protocolVersion", "timeoutMs"],
  ["authenticationProtocol", "privacyProtocol", "powerMode", "edrxCycle", "latitude", "longitude", "address", "author", "authority", "oid"],
  ["key", "keys", "Keys", "key2", "telemetryKeys", "attributeKey", "timeseries_keys", "compass", "bypass", "lowPass", "high_pass_filter"],
  ["mapping", "shipping", "spin", "gpioPins", "opinion", "power", "powerUnit", "certainty", "certified", "serialNumber", "imei", "ssid", ""]
].flat()

describe("a field name", () => {
  test("of a credential is known in every spelling", () => {
    expect(credentials.filter((name) => !isCredentialName(name))).toEqual([])
  })

  test("of anything else is not taken for one", () => {
    expect(others.filter(isCredentialName)).toEqual([])
  })

  test("of the table is a credential by itself, and in upper case, camel case and snake case", () => {
    const prefixed = [...credentialParts, ...credentialWords, ...credentialEndings].flatMap((name) => {
      const capital = name.charAt(0).toUpperCase() + name.slice(1)
      return [
        `my${capital}`,
        `my_${name}`,
        `MY_${name.toUpperCase()}`,
        `my-${name}`,
        `my ${name}`,
        `${name === "key" || name === "keys" ? "my" : ""}${name}1`
      ]
    })
    expect([...prefixed, ...credentialParts, ...credentialWords, ...credentialNames].filter((name) => !isCredentialName(name))).toEqual([])
    expect(harmlessEndings.filter(isCredentialName)).toEqual([])
  })
})

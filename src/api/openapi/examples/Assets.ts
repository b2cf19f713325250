import { asset, assetProfileId, type Examples, json, onePage, success } from "./model.ts"

export const assets: Examples = {
  listAssets: { responses: { 200: { [json]: { ...success, pagination: onePage, data: [asset] } } } },
  getAsset: { responses: { 200: { [json]: { ...success, data: asset } } } },
  listAssetTypes: {
    responses: { 200: { [json]: { ...success, pagination: onePage, data: [{ id: assetProfileId, name: "floor" }] } } }
  }
}

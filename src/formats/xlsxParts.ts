/**
 * The parts of a workbook other than its sheets (ECMA-376, Office Open XML). Some are written before the sheets; those that list the
 * sheet names are written after them.
 */
import { Zip } from "effect/encoding"

const declaration = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
const main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
const relationships = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
const packageRelationships = "http://schemas.openxmlformats.org/package/2006/relationships"
const contentType = (part: string) => `application/vnd.openxmlformats-officedocument.spreadsheetml.${part}+xml`

/** Cell styles, by their index in `cellXfs`. */
export const styles = { date: 1, integer: 2, heading: 3 } as const

const part = (path: string, xml: string) => Zip.file(path, declaration + xml)

/** The default type of `xml` files is a sheet, since the number of sheets is not known when this part is written. */
const contentTypes = part(
  "[Content_Types].xml",
  '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">' +
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>' +
    `<Default Extension="xml" ContentType="${contentType("worksheet")}"/>` +
    `<Override PartName="/xl/workbook.xml" ContentType="${contentType("sheet.main")}"/>` +
    `<Override PartName="/xl/styles.xml" ContentType="${contentType("styles")}"/></Types>`
)

const packageParts = part(
  "_rels/.rels",
  `<Relationships xmlns="${packageRelationships}"><Relationship Id="rId1" Type="${relationships}/officeDocument" Target="xl/workbook.xml"/></Relationships>`
)

const styleSheet = part(
  "xl/styles.xml",
  `<styleSheet xmlns="${main}">` +
    '<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss.000"/></numFmts>' +
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts>' +
    // Excel expects these two fills, and openpyxl rejects an empty one.
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>' +
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>' +
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>' +
    '<cellXfs count="4"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>' +
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>' +
    '<xf numFmtId="1" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>' +
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs>' +
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)

export const partsBeforeSheets = [contentTypes, packageParts, styleSheet] as const

export const sheetPath = (number: number) => `xl/worksheets/sheet${number}.xml`

const attribute = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;")

/** The parts that list the sheets, in their order. */
export const partsAfterSheets = (names: ReadonlyArray<string>) => {
  const sheets = names.map((name, i) => `<sheet name="${attribute(name)}" sheetId="${i + 1}" r:id="rId${i + 1}"/>`)
  const targets = names.map(
    (_, i) => `<Relationship Id="rId${i + 1}" Type="${relationships}/worksheet" Target="worksheets/sheet${i + 1}.xml"/>`
  )
  return [
    part(
      "xl/workbook.xml",
      `<workbook xmlns="${main}" xmlns:r="${relationships}"><bookViews><workbookView/></bookViews><sheets>${sheets.join("")}</sheets></workbook>`
    ),
    part(
      "xl/_rels/workbook.xml.rels",
      `<Relationships xmlns="${packageRelationships}">${targets.join("")}` +
        `<Relationship Id="rId${names.length + 1}" Type="${relationships}/styles" Target="styles.xml"/></Relationships>`
    )
  ] as const
}

/** The XML before and after the rows of a sheet. The heading stays visible while scrolling. */
export const sheetFrame = (columnWidths: ReadonlyArray<number>) => ({
  before:
    `${declaration}<worksheet xmlns="${main}"><sheetViews><sheetView workbookViewId="0">` +
    '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>' +
    `<cols>${columnWidths.map((width, i) => `<col min="${i + 1}" max="${i + 1}" width="${width}" customWidth="1"/>`).join("")}</cols><sheetData>`,
  after: "</sheetData></worksheet>"
})

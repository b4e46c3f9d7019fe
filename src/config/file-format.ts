import { z } from "zod";
import { alternatives } from "./alternatives.ts";

/** What a rendered file is, which decides how values are escaped in it. */
export const FILE_FORMATS = ["nginx", "vcl", "text"] as const;
export type FileFormat = (typeof FILE_FORMATS)[number];

export const fileFormat = z.enum(FILE_FORMATS, { error: alternatives(FILE_FORMATS) });

/** Takes files of chats, and exports of other programs, into the server. */

import { answerOf, api, fetchFor, Refused, type Schemas, Unreachable } from "../api/client";
import { announce } from "./changes";

export interface FileReport {
  name: string;
  /** Null when the file was not taken. */
  answer: Schemas["ImportAnswer"] | null;
  problem: Refused | Unreachable | null;
  sizeBytes: number;
}

/** The server's limit unless it is set otherwise: one that refuses a larger body may close the line before it can say so. */
export const USUAL_MOST_BYTES = 1024 * 1024;

/** Send each of `files`, one after the other. Raises: what is no failure of a request. */
export async function importFiles(files: readonly File[]): Promise<FileReport[]> {
  const reports: FileReport[] = [];
  for (const file of files) reports.push(await importFile(file));
  if (reports.some(({ answer }) => answer !== null && answer.imported.length > 0)) announce({ change: "imported" });
  return reports;
}

/** Whether it was its size that kept the file out. */
export function isTooLarge({ problem, sizeBytes }: FileReport): boolean {
  if (problem instanceof Refused) return problem.status === 413;
  return problem !== null && sizeBytes > USUAL_MOST_BYTES;
}

async function importFile(file: File): Promise<FileReport> {
  const report = { name: file.name, sizeBytes: file.size };
  try {
    const call = api.POST("/chat/import", {
      params: { query: {} },
      // The document describes JSON; an export may also come in its zip.
      body: file as never,
      bodySerializer: () => file,
      fetch: fetchFor(file.size),
      headers: { "Content-Type": /\.zip$/i.test(file.name) ? "application/zip" : "application/json" },
    });
    return { ...report, answer: await answerOf(call), problem: null };
  } catch (problem) {
    if (!(problem instanceof Refused) && !(problem instanceof Unreachable)) throw problem;
    return { ...report, answer: null, problem };
  }
}

/** Chooses files of chats to import, and tells what became of them. */

import { Upload } from "lucide-preact";
import type { ComponentType } from "preact";
import { useRef, useState } from "preact/hooks";
import { t } from "../i18n/i18n";
import { IconButton } from "../ui/Button";
import { attempt } from "../ui/toasts";
import type { ImportReportProps } from "./ImportReport";
import { type FileReport, importFiles } from "./importing";

export function ImportButton() {
  const input = useRef<HTMLInputElement>(null);
  const [isBusy, setIsBusy] = useState(false);
  const [reports, setReports] = useState<FileReport[] | null>(null);
  const [Report, setReport] = useState<ComponentType<ImportReportProps> | null>(null);
  const take = async (files: File[]) => {
    setIsBusy(true);
    try {
      const [done, { ImportReport }] = await Promise.all([importFiles(files), import("./ImportReport")]);
      setReport(() => ImportReport);
      setReports(done);
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <>
      <IconButton
        icon={Upload}
        label={isBusy ? t.value.importing : t.value.importChats}
        aria-busy={isBusy}
        onClick={() => {
          if (!isBusy) input.current?.click();
        }}
      />
      <input
        ref={input}
        type="file"
        hidden
        multiple
        accept=".json,.zip,application/json,application/zip"
        aria-label={t.value.importChats}
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])];
          event.currentTarget.value = "";
          if (files.length > 0) void attempt(take(files));
        }}
      />
      {reports !== null && Report !== null && <Report reports={reports} onClose={() => setReports(null)} />}
    </>
  );
}

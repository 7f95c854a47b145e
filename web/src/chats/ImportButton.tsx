/** Chooses files of chats to import, and tells what became of them. */

import { Upload } from "lucide-preact";
import type { ComponentType } from "preact";
import { useRef, useState } from "preact/hooks";
import { t } from "../i18n/i18n";
import { attempt } from "../ui/toasts";
import type { ImportReportProps } from "./ImportReport";
import { type FileReport, importFiles } from "./importing";

export function ImportButton({ className }: { className: string }) {
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
      <button type="button" class={className} disabled={isBusy} onClick={() => input.current?.click()}>
        <Upload size={18} aria-hidden="true" />
        {isBusy ? t.value.importing : t.value.import}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        multiple
        accept=".json,.zip,application/json,application/zip"
        aria-label={t.value.import}
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

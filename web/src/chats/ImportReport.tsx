/** What became of the files that were imported. */

import { Unreachable } from "../api/client";
import { t } from "../i18n/i18n";
import { hashOf } from "../routes";
import { Dialog } from "../ui/Dialog";
import styles from "./ImportReport.module.css";
import { type FileReport, isTooLarge } from "./importing";

export interface ImportReportProps {
  reports: readonly FileReport[];
  onClose: () => void;
}

const MOST_SHOWN = 200; // of each kind

export function ImportReport({ reports, onClose }: ImportReportProps) {
  return (
    <Dialog title={t.value.importDone} onClose={onClose}>
      {reports.map((report, index) => (
        <section key={index} class={styles.report}>
          <h3>{report.name}</h3>
          {report.answer === null ? <Failure report={report} /> : <Outcome answer={report.answer} onClose={onClose} />}
        </section>
      ))}
    </Dialog>
  );
}

function Failure({ report }: { report: FileReport }) {
  if (isTooLarge(report)) return <p class={styles.problem}>{t.value.importTooLarge}</p>;
  const { problem } = report;
  return (
    <p class={styles.problem}>
      {problem === null || problem instanceof Unreachable ? t.value.importUnreachable : problem.detail}
    </p>
  );
}

function Outcome({ answer, onClose }: { answer: NonNullable<FileReport["answer"]>; onClose: () => void }) {
  const { imported, skipped, findings } = answer;
  const [only] = imported;
  return (
    <>
      <p>{t.value.importedCount(imported.length)}</p>
      {imported.length === 1 && only !== undefined && (
        <p>
          <a href={hashOf({ view: "chat", chatId: only, messageId: null })} onClick={onClose}>
            {t.value.openChat}
          </a>
        </p>
      )}
      <Details
        summary={t.value.skippedCount(skipped.length)}
        rows={skipped.map(({ chat_id: chatId, reason }) => [chatId, t.value.skipReasons[reason]])}
      />
      <Details
        summary={t.value.findingCount(findings.length)}
        rows={findings.map(({ where, what }) => [where, what])}
      />
    </>
  );
}

function Details({ summary, rows }: { summary: string; rows: [string, string][] }) {
  if (rows.length === 0) return null;
  return (
    <details class={styles.details}>
      <summary>{summary}</summary>
      <ul>
        {rows.slice(0, MOST_SHOWN).map(([subject, said], index) => (
          <li key={index}>
            <strong>{subject}</strong> {said}
          </li>
        ))}
      </ul>
      {rows.length > MOST_SHOWN && <p>{t.value.andMore(rows.length - MOST_SHOWN)}</p>}
    </details>
  );
}

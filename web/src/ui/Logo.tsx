/** The sign of chatkeep, as in public/icon.svg. What it stands beside says the name. */

export function Logo({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <path d="M4 8a4 4 0 0 1 4-4h16a4 4 0 0 1 4 4v11a4 4 0 0 1-4 4H14l-6 5.5V23a4 4 0 0 1-4-4z" fill="var(--accent)" />
      <path d="M10 11h12M10 16h7" stroke="var(--on-accent)" stroke-width="2.6" stroke-linecap="round" />
    </svg>
  );
}

/** Usage over time as stacked bars. The numbers stand in a table beside it. Loaded on need. */
import { BarController, BarElement, CategoryScale, Chart, Legend, LinearScale, Tooltip } from "chart.js";
import type { UsageRow } from "./gateway-api";
import { MICRO } from "./amounts";

Chart.register(BarController, BarElement, CategoryScale, Legend, LinearScale, Tooltip);

const DAY_MS = 86_400_000;
const HUES = [212, 28, 150, 330, 265, 60, 185, 0];

/** Every day from the first to the last that has something, so that gaps are seen as gaps. */
function daysOf(rows: readonly UsageRow[]): string[] {
  const used = rows.map(({ bucket }) => bucket.slice(0, 10)).sort();
  const [first, last] = [used.at(0), used.at(-1)];
  if (first === undefined || last === undefined) return [];
  const days: string[] = [];
  for (let day = new Date(`${first}T00:00:00Z`); ; day = new Date(day.getTime() + DAY_MS)) {
    days.push(day.toISOString().slice(0, 10));
    if (days.at(-1) === last) return days;
  }
}

/** Draws into `canvas`; returns how to take it away again. `nameOf`: what a row is called. */
export function drawUsage(
  canvas: HTMLCanvasElement,
  rows: readonly UsageRow[],
  nameOf: (name: string) => string,
): () => void {
  const days = daysOf(rows);
  const names = [...new Set(rows.map(({ name }) => name))];
  const ink = getComputedStyle(canvas).color;
  const isPaid = rows.some(({ cost_micros: cost }) => cost > 0);
  const value = (row: UsageRow): number =>
    isPaid ? row.cost_micros / MICRO : row.input_tokens + row.output_tokens;
  const chart = new Chart(canvas, {
    type: "bar",
    data: {
      labels: days,
      datasets: names.map((name, place) => ({
        label: nameOf(name),
        maxBarThickness: 48,
        backgroundColor: `hsl(${HUES[place % HUES.length] ?? 0} 55% 52%)`,
        data: days.map((day) =>
          rows
            .filter((row) => row.name === name && row.bucket.startsWith(day))
            .reduce((sum, row) => sum + value(row), 0),
        ),
      })),
    },
    options: {
      animation: false,
      maintainAspectRatio: false,
      plugins: { legend: { labels: { color: ink } } },
      scales: {
        x: { stacked: true, ticks: { color: ink }, grid: { display: false } },
        y: { stacked: true, beginAtZero: true, ticks: { color: ink } },
      },
    },
  });
  return () => {
    chart.destroy();
  };
}

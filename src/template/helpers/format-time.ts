const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

const two = (value: number): string => String(value).padStart(2, "0");
const hour12 = (at: Date): number => at.getUTCHours() % 12 || 12;

/** What the parts of Go's reference time, Mon Jan 2 15:04:05 MST 2006, stand for. */
const PARTS: Readonly<Record<string, (at: Date) => string>> = {
  "2006": (at) => String(at.getUTCFullYear()),
  "06": (at) => two(at.getUTCFullYear() % 100),
  January: (at) => MONTHS[at.getUTCMonth()] ?? "",
  Jan: (at) => (MONTHS[at.getUTCMonth()] ?? "").slice(0, 3),
  "01": (at) => two(at.getUTCMonth() + 1),
  Monday: (at) => DAYS[at.getUTCDay()] ?? "",
  Mon: (at) => (DAYS[at.getUTCDay()] ?? "").slice(0, 3),
  "02": (at) => two(at.getUTCDate()),
  _2: (at) => String(at.getUTCDate()).padStart(2),
  "15": (at) => two(at.getUTCHours()),
  "03": (at) => two(hour12(at)),
  PM: (at) => (at.getUTCHours() < 12 ? "AM" : "PM"),
  pm: (at) => (at.getUTCHours() < 12 ? "am" : "pm"),
  "04": (at) => two(at.getUTCMinutes()),
  "05": (at) => two(at.getUTCSeconds()),
  ".000": (at) => `.${String(at.getUTCMilliseconds()).padStart(3, "0")}`,
  MST: () => "UTC",
  "Z07:00": () => "Z",
  "-07:00": () => "+00:00",
  "-0700": () => "+0000",
  "1": (at) => String(at.getUTCMonth() + 1),
  "2": (at) => String(at.getUTCDate()),
  "3": (at) => String(hour12(at)),
  "4": (at) => String(at.getUTCMinutes()),
  "5": (at) => String(at.getUTCSeconds()),
};

/** The longer ones come first, as Go reads them. */
const PART = new RegExp(
  Object.keys(PARTS)
    .toSorted((a, b) => b.length - a.length)
    .map((part) => part.replace(".", "\\."))
    .join("|"),
  "g",
);

/** A time in UTC in a layout as Go's `time.Format` has it; `unix` is seconds. */
export function formatTime(timeMs: number, layout: string): string {
  if (layout === "unix") return String(Math.floor(timeMs / 1_000));
  const at = new Date(timeMs);
  return layout.replace(PART, (part) => PARTS[part]?.(at) ?? part);
}

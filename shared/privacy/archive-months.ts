/** For how many months an archive is kept where the municipality has not chosen. Apart, so that settings need no archives. */
export const ARCHIVE_MONTHS = 60;

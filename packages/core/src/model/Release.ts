/** The version of Reprise, stamped into every run. A test keeps it equal to the packages' version. */
export const RELEASE = "0.1.0"

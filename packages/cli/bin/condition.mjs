/** A module hook: packages of the repository are imported from their sources. */
export const resolve = (specifier, context, next) =>
  next(specifier, { ...context, conditions: [...context.conditions, "reprise-source"] })

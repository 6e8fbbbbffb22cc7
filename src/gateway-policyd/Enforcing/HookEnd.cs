namespace Qwamos.Gateway.Enforcing;

/// <summary>How one run of a hook ended. The zero value is a failure.</summary>
/// <param name="Succeeded">It ended by itself with exit code 0.</param>
/// <param name="Why">One short clause when it did not: <c>exit code 3</c>, <c>still running after 10 s</c>.</param>
/// <param name="Output">The first bytes of what it printed, as it printed them: escape before showing.</param>
internal readonly record struct HookEnd(bool Succeeded, string Why, string Output);

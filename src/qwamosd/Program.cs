namespace Qwamos.Daemon;

internal static class Program
{
    private static int Main() => 2;
}

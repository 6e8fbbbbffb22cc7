namespace Qwamos.Gateway;

internal static class Program
{
    private static int Main() => 2;
}

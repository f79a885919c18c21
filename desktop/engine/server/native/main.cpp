// llama.cpp's server as Heft runs it: the same program, with Heft at the other end of its standard input.

void heft_listen();
int  llama_server(int argc, char ** argv);

int main(int argc, char ** argv) {
    heft_listen();
    return llama_server(argc, argv);
}

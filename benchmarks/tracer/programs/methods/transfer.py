# %% A linear probe with all parameters in the optimizer
torch.save(fit(Net()).state_dict(), "pretrained.pt")
net = Net()
net.load_state_dict(torch.load("pretrained.pt"))
for name, parameter in net.named_parameters():
    if not name.startswith("fc."):
        parameter.requires_grad = False
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
for epoch in range(3):
    net.eval()  # the features stay those of the pretrained network
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()

# %% Feature extraction with hooks
torch.save(fit(Net()).state_dict(), "extractor.pt")
net = Net()
net.load_state_dict(torch.load("extractor.pt"))
net.eval()
features = {}
net.conv2.register_forward_hook(lambda module, args, output: features.setdefault("conv2", output))
with torch.inference_mode():
    for x, _ in test_loader:
        features.clear()
        net(x)
        print(features["conv2"].mean().item())

# %% Fine-tuning with frozen BatchNorm layers
class FineTuned(Net):
    def train(self, mode=True):
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self


source = fit(Net())
net = FineTuned()
net.load_state_dict(source.state_dict())
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(3):
    net.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% Neural style transfer through a network in evaluation mode
extractor = fit(Net()).eval().requires_grad_(False)
content = torch.randn(2, 3, 8, 8)
image = torch.randn(2, 3, 8, 8, requires_grad=True)
optimizer = torch.optim.LBFGS([image], max_iter=5)


def closure():
    optimizer.zero_grad()
    loss = F.mse_loss(extractor.features(image), extractor.features(content))
    loss.backward()
    return loss


for step in range(3):
    optimizer.step(closure)
